### Lists of products: what narrows and sorts them.

results_for = Results for “{ $text }”
quoted = “{ $text }”
n_products = { $n ->
    [one] { $n } product
   *[other] { $n } products
}
more_than_products = More than { $n } products
filters = Filters
filters_chosen = Filters ({ $n })
apply_filters = Show products
chosen_filters = Chosen filters
remove_filter = Remove
clear_filters = Clear all
sort_by = Sort by
sort_best = Best match
sort_newest = Newest
sort_price_up = Price: low to high
sort_price_down = Price: high to low
sort_button = Sort
price_at_least = From
price_at_most = To
price_is_at_least = from { $price }
price_is_at_most = up to { $price }
price_range = { $min } to { $max }
bad_price = An amount, such as 99 or 99.50
availability = Availability
only_in_stock = In stock
only_reduced = Reduced
price_was = instead of
nothing_found = Nothing matches.
nothing_found_for = Nothing matches “{ $text }”.
try_fewer_words = Check the spelling, or try fewer or other words.
try_fewer_filters = Take back some filters.
search_rests = Searching and filtering are not available at the moment. This is the whole list, the newest first.
search_away = Searching and filtering are not available at the moment. Try again in a moment, or look through the whole list.
