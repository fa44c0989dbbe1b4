### Credentials of programs.

credentials = API credentials
credentials_text = With a credential a program of yours, such as an ERP, uses this shop's API.
no_credentials = There are no credentials yet.
credential_for = What it is for
allowed = It may
made_at = Created
holds = In use
revoke = Revoke
revoke_text = Whatever uses this credential is refused from then on. This cannot be undone.
new_credential = New credential
credential_name_hint = Such as the program that will use it.
may = What it may do
may_hint = No more than it needs. Only what you may do yourself can be chosen.
create = Create credential
bad_permissions = Choose at least one.
too_many_credentials = The limit of credentials is reached. Revoke one that is not used any more.
done_revoked = Revoked. It is refused everywhere within 10 seconds.
token_made = The credential was created
token = Token
token_once = Copy the token now: it is shown only this once. If it gets lost, revoke the credential and create another.
token_use = The program sends it with every request in the header “Authorization: Bearer”, followed by the token.
token_kept = I have copied it
revoked_at = Revoked { $time }
