"""How each required key may look, for the advice of what is missing."""

from __future__ import annotations

from types import MappingProxyType

EXAMPLES = MappingProxyType(
    {
        "address": 'address = "0x..."',
        "asset": 'asset = "ETH"',
        "assets": "a table [assets.ETH]",
        "attestors": "tables [[attestation.attestors]]",
        "base_token": 'base_token = "0x...", the token whose price the pair says',
        "chain": 'chain = "ethereum", the name in [chains.ethereum]',
        "chain_id": "chain_id = 1",
        "chains": "a table [chains.NAME]",
        "correlation_bps": "correlation_bps = 8000, 0.8",
        "decimals": "decimals = 18",
        "endpoints": "a table [[chains.NAME.endpoints]] with a url",
        "exchange": 'exchange = "bitfinex", ccxt\'s name of it',
        "feed": 'feed = "ETH"',
        "feed_id": 'feed_id = "0x...", Pyth\'s number of the feed',
        "first_subaccount": "first_subaccount = 100, the smallest number of the range",
        "genesis_hash": 'genesis_hash = "0x...", the hash of block 0',
        "group": 'group = "kraken", whoever the number comes from in the end',
        "hub": 'hub = "0x...", the margin hub on this chain',
        "hub_id": "hub_id = 0, the number of the market in the hub",
        "initial_bps": "initial_bps = 1000",
        "kind": 'kind = "http", "ws", "hermes", "redstone", "ccxt", "chainlink", "erc4626", "uniswap_v3" or "pyth"',
        "last_subaccount": "last_subaccount = 199, the largest number of the range",
        "maintenance_bps": "maintenance_bps = 500",
        "market": 'market = "ETH-PERP"',
        "max_rate": 'max_rate = "1.20", above which the vault\'s rate is refused',
        "min_depth": 'min_depth = "500000", of the quote, to move the pool by one percent',
        "model": 'model = "portfolio"',
        "move_bps": "move_bps = -6600, a fall of 66 percent",
        "name": 'name = "kraken-eth"',
        "pair": 'pair = "ETH/USD"',
        "quote_token": 'quote_token = "0x...", the token that the price is said in',
        "signer": 'signer = "attestor", the name in [signers.attestor]',
        "port": "port = 9650",
        "preset": 'preset = "kraken"',
        "signers": 'signers = ["0x..."]',
        "sources": "tables [[sources]]",
        "state_log": 'state_log = "keeper.db"',
        "symbol": 'symbol = "ETH-USD", the market as the venue spells it',
        "threshold": "threshold = 2",
        "tiers": 'tiers = [{ up_to_value = "100000", maintenance_bps = 500, initial_bps = 1000 }]',
        "tokens": "a table [[chains.NAME.tokens]]",
        "up_to_value": 'up_to_value = "100000"',
        "url": 'url = "https://..."',
        "volatility": 'volatility = "ETHVOL", the asset whose price is the implied volatility',
    }
)
