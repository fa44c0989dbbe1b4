### 在本店购物的会员。

members = 会员
members_text = 在本店注册的会员，最新的在前。可按完整邮箱查找。
login = 电子邮箱
find = 查找
show_all = 显示全部
nobody_found = 没有会员使用这个邮箱注册。
no_members = 还没有会员注册。
name = 姓名
unnamed = 未填写姓名
language = 语言
no_language = 未选择
member_since = 注册时间
profile = 资料
orders = 订单
no_orders = 还没有下过订单。
orders_away = 暂时无法显示订单，请稍后再试。
order = 订单号
status = 状态
content = 内容
total = 合计
placed_at = 下单时间
to_members = 全部会员
units = { $n } 件
