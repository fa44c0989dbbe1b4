### Words of every page: the frame, forms, lists.

html_lang = en
skip_to_content = Skip to content
main_menu = Main menu
language = Language
next_page = Next page
first_page = First page
no_picture = No picture
optional = optional
powered_by = Runs on Stoa
search = Search
search_products = Search products
account = Account
your_things = Account and cart
help_and_account = At the foot
pages = Pages
