### 自己的账户。

account = 我的账户
program_text = 您使用程序凭证登录，没有姓名和密码。
your_permissions = 您的权限
change_password = 修改密码
change_password_text = 其他地方的登录会全部退出。
current_password = 当前密码
new_password = 新密码
new_password_again = 再次输入新密码
wrong_password = 当前密码不正确。
not_the_same = 与新密码不一致。
done_password = 密码已修改，其他地方的登录已全部退出。
locked_until = 失败次数过多，请在 { $time } 之后再试。
