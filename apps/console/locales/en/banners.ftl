### What the home page shows first.

banners = Banners
banners_text = What the home page shows first, in this order.
no_banners = There are no banners.
add_banner = Add a banner
new_banner = New banner
edit_banner = Banner
edit = Edit
earlier = Earlier
later = Later
remove = Remove
remove_text = The banner is taken off the home page. This cannot be undone.
banner_title = Heading
banner_text = Sentence under it
banner_image = Address of the picture
banner_picture = Picture
banner_link = Where it leads
banner_link_hint = A path of this shop, such as /c/bouquets.
bad_title = 1 to 100 characters, in at least one language.
bad_text = At most 300 characters.
bad_link = A path of this shop begins with one / and has no blanks, such as /c/bouquets.
banners_full = There are as many banners as a shop may have.
banner_now = At this place there is now “{ $title }”.
