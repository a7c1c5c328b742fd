"""Guards: what stands between a raw price and its publication. Pure, in whole numbers, one file each."""
