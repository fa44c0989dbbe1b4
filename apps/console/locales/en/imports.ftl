### Imports of product files.

import_title = Import products
import_text = A CSV file in the Shopify product format, as the export here writes it. It is checked first, and you see what would happen, before anything changes.
file = File
file_hint = UTF-8, at most 100 MiB. Prices are in the currency of the shop.
check = Upload and check
choose_file = Choose a file first.
one_at_a_time = Another import of this shop is under way. Wait until it is over.
file_too_large = The file is larger than 100 MiB. Import it in parts.
upload_stalled = The upload stopped: nothing has come for 30 seconds. Try again.
gone = This import is not known here any more. Upload the same file again: what was imported of it is not imported twice.
latest = The latest import: { $name }
under_way = { $name } is being worked on.
see_it = See how it stands
to_products = To the products
uploading = The file is being uploaded.
checking = The file is being checked. Nothing is changed yet.
checked_of = { $done } of { $of } products
nothing_changed = Nothing was changed.
fatal = Nothing of this file can be imported, because it cannot be read to its end.
holds = It holds { $products ->
    [one] one product
   *[other] { $products } products
} without mistakes, with { $variants ->
    [one] one variant
   *[other] { $variants } variants
} and { $pictures ->
    [one] one picture
   *[other] { $pictures } pictures
}.
would_be = { $new } would be new, { $replaced } would replace a product that has their handle.
replaced_text = A replaced product keeps what a file cannot say: its properties, texts in other languages, and prices elsewhere.
not_taken = { $n ->
    [one] One product cannot be imported.
   *[other] { $n } products cannot be imported.
}
line = Line
product = Product
variants = Variants
what_happens = What happens
is_new = New
is_replaced = Replaces
is_conflict = Not taken
is_refused = Mistakes
on_line = Line { $line }
columns = Line { $line }, { $name }
more_problems = There are more mistakes in this product.
notes = Notes
problems_title = What cannot be imported
good_title = What would be imported
not_listed = { $n } more are not listed.
part_of = Part { $part } of { $of }
import_all = Import all
import_good = { $n ->
    [one] Import the one good product and pass over the rest
   *[other] Import the { $n } good products and pass over the rest
}
decide_text = Mend the file and upload it again, or import what is good.
none_good = No product of this file can be imported. Mend it and upload it again.
discard = Discard
importing = Importing
importing_text = You may leave this page; the import goes on.
applied_of = { $done } of { $of } products are in the catalogue.
imported_title = Imported
imported = { $n ->
    [one] One product
   *[other] { $n } products
} with { $variants } variants are in the catalogue, { $new } of them new.
passed_over = { $n ->
    [one] One product was passed over.
   *[other] { $n } products were passed over.
}
stock_follows = The stock is still on its way to the warehouse.
cut_off = It was cut off.
refused_title = It was refused.
go_on_text = What is imported stays. Going on begins where it stopped.
not_taken_text = Since the file was checked, a product has come into the catalogue that clashes with one of the file. Pass over what the catalogue does not take, or mend the catalogue and go on.
pass_over = Go on and pass over such products
go_on = Go on
another = Upload a file
# What a cell of a column may hold; the file says what is wrong with one.
cells =
    .handle = Small letters, digits and dashes; all rows of a product follow one another.
    .title = 1 to 255 characters.
    .body_html = At most 100,000 characters.
    .vendor = At most 100 characters.
    .type = At most 100 characters.
    .tags = At most 50 tags of at most 100 characters.
    .published = TRUE or FALSE.
    .status = active, draft or archived.
    .option_name = The same name on all rows of a product.
    .option_value = Every variant needs a value of each option, and no two the same.
    .variant_sku = Different for every variant, at most 100 characters.
    .variant_grams = Grams, up to 10,000,000.
    .variant_inventory_qty = A number of units, not negative.
    .variant_price = A price in the currency of the shop; only drafts may lack it.
    .variant_compare_at_price = A price in the currency of the shop, or nothing.
    .variant_barcode = At most 100 characters.
    .image_src = An address that begins with https://.
    .image_position = A whole number from 1.
    .image_alt_text = At most 500 characters.
    .variant_image = An address that begins with https://.
