### 首页最先显示的横幅。

banners = 横幅
banners_text = 首页最先显示的内容，按此顺序排列。
no_banners = 还没有横幅。
add_banner = 添加横幅
new_banner = 新横幅
edit_banner = 编辑横幅
edit = 编辑
earlier = 前移
later = 后移
remove = 移除
remove_text = 横幅将从首页移除，且无法恢复。
banner_title = 标题
banner_text = 标题下的一句话
banner_image = 图片地址
banner_picture = 图片
banner_link = 链接
banner_link_hint = 本店的路径，例如 /c/bouquets。
bad_title = 至少用一种语言填写 1 到 100 个字符。
bad_text = 最多 300 个字符。
bad_link = 本店的路径以一个 / 开头且不含空格，例如 /c/bouquets。
banners_full = 横幅数量已达上限。
banner_now = 这个位置现在是“{ $title }”。
