### Messages between services.

messages = 消息
messages_text = 服务之间通过消息互相通知。无法投递的消息会以越来越长的间隔重试，最后放弃；被放弃的消息留在这里等待处理。
by_service = 按服务
service = 服务
all_services = 所有服务
pending = 等待中
delayed = 定时
dead = 已放弃
done = 已完成
undecided = 未决
pending_text = 已到时间但尚未投递。它们很快会投递，或在出错后重试。
delayed_text = 稍后会自动发生的事，例如关闭未付款的订单。
dead_text = 多次尝试失败，或被永久拒绝。请先排除原因，再重试。
oldest = 最早等待
none_pending = 没有等待中的消息。
none_delayed = 没有定时消息。
none_dead = 没有被放弃的消息，一切正常。
topic = 主题
about = 对象
attempts = 尝试次数
next_try = 下次尝试
due_at = 到期时间
dead_since = 放弃时间
done_since = 完成时间
since = 自
error = 最近的错误
filter = 显示
sent_at = 发送时间
state = 状态
request = 请求
place = 单元
message_title = 消息
payload = 内容
payload_hidden = 内容可能包含个人信息，只有可以修改消息的人才能看到。
retry = 重试
retry_text = 如同从未尝试过。投递成功后，同一对象的后续消息会继续。
retry_all = 全部重试
retry_these = 重试这些消息
retry_question = 确定全部重试吗？
discard = 丢弃此消息
discard_text = 它本应引起的事不会发生，且无法撤回。同一对象的后续消息会继续。
discard_question = 确定永久丢弃此消息吗？
reason = 原因
reason_hint = 与消息一起保存，并写入日志。
reason_missing = 请说明原因，最多 200 个字。
retried_one = 正在重试。
dropped_one = 已丢弃。
not_possible = 现在已无法这样做
retried_now = { $n ->
    [0] 没有可重试的消息。
   *[other] 正在重试 { $n } 条消息。
}
