### Pages that say why there is no other page.

error = 出错了
not_found_title = 页面不存在
not_found_text = 此地址没有内容，或您无权查看。
forbidden_title = 没有权限
forbidden_text = 您没有权限执行此操作。
csrf_text = 此表单不是从本店发出的，或页面打开时间过长。请返回刷新后重试。
bad_request_title = 无法理解的请求
bad_request_text = 商店无法理解此请求。
busy_title = 系统繁忙
busy_text = 商店暂时无法响应，请稍后重试。
internal_title = 服务器出错
internal_text = 我们已收到通知，请稍后重试。
request_id = 请求编号
try_again = 重试
