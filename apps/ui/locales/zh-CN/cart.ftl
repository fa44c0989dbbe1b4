### The cart.

cart = 购物车
cart_empty = 购物车是空的。
go_shopping = 去逛逛
update = 更新
remove = 移除
subtotal = 小计
each = / 件
line_gone = 该商品已下架，请移除后继续。
gone_product = 已下架的商品
to_checkout = 去结算
shipping_at_checkout = 运费在结算时计算。
bad_quantity = 数量必须是 1 到 10000 的整数。
cart_full = 购物车最多 100 种商品。
cart_not_sellable = 该商品未在售。
cart_has_gone_lines = 请先移除已下架的商品再结算。
cart_has_short_lines = 请先减少库存不足的商品数量，再去结算。
cart_line_missing = 这件商品已不在购物车中。
save_for_later = 稍后再买
saved_for_later = 稍后再买
move_to_cart = 移回购物车
saved_full = 最多可保存 100 件稍后再买的商品。
