### The list of shops on a host that belongs to none.

shops = 商店
shops_text = 这里运行着以下商店。
no_shops = 这里还没有商店。
