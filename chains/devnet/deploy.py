"""The contracts of one local chain: tokens, feeds, a vault, and a funded margin hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_abi.abi import encode

from chains.contracts.artifacts import load
from chains.devnet.anvil import Anvil
from chains.devnet.transactor import FEES, Transactor
from chains.hub.codec import selector, word
from chains.hub.options import market_key
from config.units import WAD

FEED_DECIMALS = 8
STABLE_DECIMALS = 6
OWNER = "0x00000000000000000000000000000000000C0FFE"
UPDATER = "0x0000000000000000000000000000000000FeED01"
UNLIMITED = 2**256 - 1
OPTION_MARKETS = {"ETH-OPTIONS": "ETH", "BTC-OPTIONS": "BTC"}

MINT = selector("mint(address,uint256)")
APPROVE = selector("approve(address,uint256)")
SET_ANSWER = selector("set_answer(int256)")
VAULT_DEPOSIT = selector("deposit(uint256,address)")
DONATE = selector("donate(uint256)")


@dataclass(frozen=True, slots=True)
class HubTerms:
    """What the hub is told: its quorum, its policy and its limits."""

    signers: tuple[str, ...]
    threshold: int
    policy_hash: str
    close_factor_bps: int = 5_000
    full_close_health: int = 97 * WAD // 100
    cooldown_s: int = 1
    price_band_bps: int = 200
    feed_max_age_s: int = 3_600
    insurance_share_bps: int = 2_000
    dust_value: int = 100 * WAD
    min_deposit_value: int = 1 * WAD
    max_attestation_age_s: int = 90


@dataclass(frozen=True, slots=True)
class Listed:
    """A token of the hub: where it is, what it stands for, its decimals."""

    token_id: int
    symbol: str
    asset: str
    address: str
    decimals: int
    is_vault: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """One chain's addresses. `feeds` go by asset, `markets` from name to the hub's number.

    `option_markets` are those of the option desk, from name to asset; without a desk there are none.
    """

    chain: str
    chain_id: int
    genesis_hash: str
    hub: str
    tokens: tuple[Listed, ...]
    feeds: dict[str, str]
    markets: dict[str, int]
    multicall: str
    option_desk: str | None = None
    option_markets: dict[str, str] = field(default_factory=dict)

    def token(self, symbol: str) -> Listed:
        """Return a token by its symbol."""
        return next(token for token in self.tokens if token.symbol == symbol)


def address_word(address: str) -> bytes:
    """Return an address as one word."""
    return bytes.fromhex(address[2:]).rjust(32, b"\x00")


async def deploy(
    node: Anvil,
    chain: str,
    prices: dict[str, int],
    terms: HubTerms,
    keeper: str,
    *,
    with_options: bool = False,
) -> Deployment:
    """Deploy everything on a fresh node, fund the hub's pool, and fund and approve `keeper`.

    `prices` are the feeds' first answers: USD wad of ETH, BTC and USDC. `with_options` adds an option desk.
    """
    transactor = Transactor(node)
    await transactor.enrich(OWNER, UPDATER, keeper)
    tokens, feeds = await _tokens_and_feeds(transactor, prices)
    usdc = tokens[0]
    hub = await transactor.deploy(
        OWNER,
        _code("MarginHub", ["address", "address", "uint256"], [usdc.address, feeds["USDC"], STABLE_DECIMALS]),
        f"{chain}: hub",
    )
    multicall = await transactor.deploy(OWNER, _code("Multicall", [], []), f"{chain}: multicall")
    await transactor.flush()
    await _list(transactor, hub, tokens, feeds)
    await _tell(transactor, hub, terms)
    await _fund(transactor, hub, tokens, keeper)
    await transactor.flush()
    desk = await _deploy_desk(transactor, hub, feeds) if with_options else None
    genesis = await node.rpc("eth_getBlockByNumber", "0x0", False)
    markets = {"ETH-PERP": 0, "BTC-PERP": 1}
    return Deployment(
        chain,
        node.chain_id,
        genesis["hash"],
        hub,
        tokens,
        feeds,
        markets,
        multicall,
        desk,
        OPTION_MARKETS if with_options else {},
    )


async def set_feed(node: Anvil, deployment: Deployment, prices: dict[str, int]) -> None:
    """Have the chain's feeds answer these prices (USD wad), from the next block on."""
    nonce = int(await node.rpc("eth_getTransactionCount", UPDATER, "pending"), 16)
    await node.batch(
        [
            (
                "eth_sendTransaction",
                [
                    {
                        "from": UPDATER,
                        "to": deployment.feeds[asset],
                        "nonce": hex(nonce + index),
                        "gas": "0x30d40",
                        **FEES,
                        "data": "0x" + (SET_ANSWER + word(_answer(price))).hex(),
                    }
                ],
            )
            for index, (asset, price) in enumerate(sorted(prices.items()))
        ]
    )


def _answer(price_wad: int) -> int:
    answer: int = price_wad // 10 ** (18 - FEED_DECIMALS)
    return answer


async def _tokens_and_feeds(
    transactor: Transactor, prices: dict[str, int]
) -> tuple[tuple[Listed, ...], dict[str, str]]:
    plain = (("USDC", "USDC", 6), ("WETH", "ETH", 18), ("WBTC", "BTC", 8))
    tokens: list[Listed] = []
    for symbol, asset, decimals in plain:
        code = _code("TestToken", ["string", "string", "uint8"], [symbol, symbol, decimals])
        address = await transactor.deploy(OWNER, code, symbol)
        tokens.append(Listed(len(tokens), symbol, asset, address, decimals))
    weth = tokens[1].address
    await transactor.flush()  # the vault asks its asset for its decimals
    vault = await transactor.deploy(
        OWNER, _code("ShareVault", ["address", "string", "string"], [weth, "Staked ETH", "sETH"]), "sETH"
    )
    tokens.append(Listed(3, "sETH", "sETH", vault, 18, is_vault=True))
    feeds: dict[str, str] = {}
    set_updater = selector("set_updater(address)")
    for asset in ("USDC", "ETH", "BTC"):
        code = _code("PriceFeed", ["uint8", "string"], [FEED_DECIMALS, f"{asset} / USD"])
        feeds[asset] = await transactor.deploy(OWNER, code, f"{asset} feed")
        await transactor.flush()
        await transactor.call(OWNER, feeds[asset], set_updater + address_word(UPDATER), f"{asset} updater")
        await transactor.call(
            OWNER, feeds[asset], SET_ANSWER + word(_answer(prices[asset])), f"{asset} answer"
        )
    seed = 100 * WAD
    await transactor.call(OWNER, weth, MINT + address_word(OWNER) + word(2 * seed), "mint WETH")
    await transactor.call(OWNER, weth, APPROVE + address_word(vault) + word(UNLIMITED), "approve the vault")
    await transactor.call(OWNER, vault, VAULT_DEPOSIT + word(seed) + address_word(OWNER), "seed the vault")
    # Shares have earned 5 % already, so that a rate of 1 would be seen to be wrong.
    await transactor.call(OWNER, vault, DONATE + word(seed // 20), "the vault's earnings")
    await transactor.flush()
    return tuple(tokens), feeds


async def _list(transactor: Transactor, hub: str, tokens: Sequence[Listed], feeds: dict[str, str]) -> None:
    add_token = selector("add_token(address,address,uint256,bool,uint256,uint256,uint256,uint256)")
    for symbol, initial_bps, maintenance_bps, penalty_bps, max_rate in (
        ("WETH", 7_500, 8_000, 500, 0),
        ("WBTC", 7_500, 8_000, 500, 0),
        ("sETH", 7_000, 7_500, 600, 12 * WAD // 10),
    ):
        token = next(each for each in tokens if each.symbol == symbol)
        feed = feeds["ETH" if token.is_vault else token.asset]
        data = b"".join(
            (
                add_token + address_word(token.address) + address_word(feed),
                word(token.decimals) + word(int(token.is_vault)),
                word(initial_bps) + word(maintenance_bps) + word(penalty_bps) + word(max_rate),
            )
        )
        await transactor.call(OWNER, hub, data, f"list {symbol}")
    add_market = selector("add_market(address,uint256,uint256,uint256,uint256)")
    for asset in ("ETH", "BTC"):
        terms = word(1_000) + word(500) + word(100) + word(100_000 * WAD)
        await transactor.call(OWNER, hub, add_market + address_word(feeds[asset]) + terms, f"{asset}-PERP")


async def _deploy_desk(transactor: Transactor, hub: str, feeds: dict[str, str]) -> str:
    desk = await transactor.deploy(OWNER, _code("OptionDesk", ["address"], [hub]), "option desk")
    await transactor.flush()
    named = selector("set_option_desk(address)") + address_word(desk)
    await transactor.call(OWNER, hub, named, "name the option desk")
    add_market = selector("add_market(bytes32,address,uint256,uint256,uint256,uint256,uint256)")
    for name, asset in OPTION_MARKETS.items():
        terms = word(3) + word(20) + word(1_250) + word(3 * WAD) + word(100_000 * WAD)
        key = bytes.fromhex(market_key(name)[2:])
        await transactor.call(OWNER, desk, add_market + key + address_word(feeds[asset]) + terms, name)
    await transactor.flush()
    return desk


async def _tell(transactor: Transactor, hub: str, terms: HubTerms) -> None:
    signers = sorted(terms.signers, key=lambda address: int(address, 16))
    set_signers = selector("set_signers(address[],uint256)") + encode(
        ["address[]", "uint256"], [signers, terms.threshold]
    )
    limits = (
        terms.close_factor_bps,
        terms.full_close_health,
        terms.cooldown_s,
        terms.price_band_bps,
        terms.feed_max_age_s,
        terms.insurance_share_bps,
        terms.dust_value,
        terms.min_deposit_value,
        terms.max_attestation_age_s,
    )
    set_limits = selector(f"set_limits({','.join(['uint256'] * len(limits))})")
    await transactor.call(OWNER, hub, set_signers, "signers")
    await transactor.call(
        OWNER, hub, selector("set_policy(bytes32)") + bytes.fromhex(terms.policy_hash[2:]), "policy"
    )
    await transactor.call(OWNER, hub, set_limits + b"".join(map(word, limits)), "limits")


async def _fund(transactor: Transactor, hub: str, tokens: Sequence[Listed], keeper: str) -> None:
    usdc = tokens[0].address
    pool, insurance, inventory = 20_000_000 * 10**6, 500_000 * 10**6, 5_000_000 * 10**6
    await transactor.call(OWNER, usdc, MINT + address_word(OWNER) + word(pool + insurance), "mint USDC")
    await transactor.call(
        OWNER, usdc, MINT + address_word(keeper) + word(inventory), "the keeper's inventory"
    )
    await transactor.call(OWNER, usdc, APPROVE + address_word(hub) + word(UNLIMITED), "approve")
    await transactor.call(OWNER, hub, selector("fund_pool(uint256)") + word(pool), "fund the pool")
    await transactor.call(
        OWNER, hub, selector("fund_insurance(uint256)") + word(insurance), "fund the insurance"
    )
    await transactor.call(
        keeper, usdc, APPROVE + address_word(hub) + word(UNLIMITED), "the keeper's approval"
    )


def _code(name: str, types: list[str], arguments: list[object]) -> bytes:
    return bytes.fromhex(load(name).bytecode.removeprefix("0x")) + encode(types, arguments)
