### Words of every page: the frame, forms, lists.

html_lang = zh-CN
skip_to_content = 跳到正文
main_menu = 主菜单
language = 语言
next_page = 下一页
first_page = 第一页
no_picture = 暂无图片
optional = 选填
powered_by = 由 Stoa 提供支持
search = 搜索
search_products = 搜索商品
account = 我的账户
your_things = 账户与购物车
help_and_account = 页脚
pages = 分页
