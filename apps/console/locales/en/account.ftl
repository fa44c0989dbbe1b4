### One's own account.

account = Your account
program_text = You are signed in with the credential of a program. It has no name and no password.
your_permissions = What you may do
change_password = Change your password
change_password_text = You are signed out everywhere else.
current_password = Current password
new_password = New password
new_password_again = New password once more
wrong_password = This is not your current password.
not_the_same = This is not the same as the new password.
done_password = Your password was changed. You were signed out everywhere else.
locked_until = Too many failed attempts. Try again after { $time }.
