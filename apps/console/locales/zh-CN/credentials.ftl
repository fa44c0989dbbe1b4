### 程序使用的凭证。

credentials = API 凭证
credentials_text = 您的程序（例如 ERP）凭此使用本店的 API。
no_credentials = 还没有凭证。
credential_for = 用途
allowed = 权限
made_at = 创建时间
holds = 使用中
revoke = 吊销
revoke_text = 使用该凭证的程序将立即被拒绝，且无法恢复。
new_credential = 新建凭证
credential_name_hint = 例如将要使用它的程序名称。
may = 允许的操作
may_hint = 只选必需的；只能选择您自己拥有的权限。
create = 创建凭证
bad_permissions = 请至少选择一项。
too_many_credentials = 凭证数量已达上限，请先吊销不再使用的凭证。
done_revoked = 已吊销，10 秒内在各处失效。
token_made = 凭证已创建
token = 令牌
token_once = 请立即复制令牌：它只显示这一次。若遗失，请吊销该凭证并重新创建。
token_use = 程序在每个请求的 “Authorization: Bearer” 请求头后附上令牌。
token_kept = 我已复制
revoked_at = 已于 { $time } 吊销
