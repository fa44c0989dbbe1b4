//! The rows of a layered drawing: the sequence of the items of each, so that lines cross little, and the
//! column of each item, near the items it is joined to. Whole numbers only.

/// Rounds of sorting; a small drawing settles in fewer.
const SORTS: usize = 24;
/// Rounds of moving items towards their neighbours.
const MOVES: usize = 24;
/// Fractions of averages are kept as so many parts.
const PARTS: usize = 1_024;

/// Joins by item: those in the rank above, those in the rank below.
struct Joins {
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl Joins {
    fn of(count: usize, edges: &[(usize, usize)]) -> Self {
        let mut joins = Self { above: vec![Vec::new(); count], below: vec![Vec::new(); count] };
        for (upper, lower) in edges {
            joins.below[*upper].push(*lower);
            joins.above[*lower].push(*upper);
        }
        joins
    }
}

/// Sorts the items of all rows.
pub(super) fn sort(rows: &mut Vec<Vec<usize>>, edges: &[(usize, usize)]) {
    let count = rows.iter().map(Vec::len).sum();
    let joins = Joins::of(count, edges);
    let mut best = (crossings(rows, &joins), rows.clone());
    for round in 0..SORTS {
        let down = round % 2 == 0;
        let order: Vec<usize> =
            if down { (1..rows.len()).collect() } else { (0..rows.len()).rev().skip(1).collect() };
        for rank in order {
            let (fixed, joined) =
                if down { (rank - 1, &joins.above) } else { (rank + 1, &joins.below) };
            let at = positions(&rows[fixed], count);
            sort_row(&mut rows[rank], joined, &at);
        }
        swap(rows, &joins);
        let found = crossings(rows, &joins);
        if found < best.0 {
            best = (found, rows.clone());
        }
    }
    *rows = best.1;
}

/// The position of every item of a row; of others none.
fn positions(row: &[usize], count: usize) -> Vec<Option<usize>> {
    let mut at = vec![None; count];
    for (position, item) in row.iter().enumerate() {
        at[*item] = Some(position);
    }
    at
}

/// Sorts a row by the average position of what its items are joined to; items that are joined to nothing
/// stay where they are.
fn sort_row(row: &mut [usize], joined: &[Vec<usize>], at: &[Option<usize>]) {
    let keyed: Vec<(usize, usize)> = row
        .iter()
        .enumerate()
        .map(|(place, item)| {
            let places: Vec<usize> = joined[*item].iter().filter_map(|j| at[*j]).collect();
            let sum: usize = places.iter().sum();
            let key = (sum * PARTS).checked_div(places.len()).unwrap_or(place * PARTS);
            (key, *item)
        })
        .collect();
    let mut sorted = keyed;
    sorted.sort_by_key(|(key, _)| *key);
    for (place, (_, item)) in row.iter_mut().zip(sorted) {
        *place = item;
    }
}

/// Swaps neighbours of a row while that makes lines cross less.
fn swap(rows: &mut [Vec<usize>], joins: &Joins) {
    let count = joins.above.len();
    for rank in 0..rows.len() {
        let above = rank.checked_sub(1).map(|r| positions(&rows[r], count));
        let below = rows.get(rank + 1).map(|r| positions(r, count));
        let row = &mut rows[rank];
        for i in 1..row.len() {
            let (a, b) = (row[i - 1], row[i]);
            let cost = |left: usize, right: usize| {
                let up = above.as_ref().map_or(0, |at| pair(&joins.above, at, left, right));
                up + below.as_ref().map_or(0, |at| pair(&joins.below, at, left, right))
            };
            if cost(b, a) < cost(a, b) {
                row.swap(i - 1, i);
            }
        }
    }
}

/// How often the lines of two neighbours cross.
fn pair(joined: &[Vec<usize>], at: &[Option<usize>], left: usize, right: usize) -> usize {
    let places = |item: usize| joined[item].iter().filter_map(|j| at[*j]).collect::<Vec<_>>();
    let (lefts, rights) = (places(left), places(right));
    lefts.iter().map(|l| rights.iter().filter(|r| *r < l).count()).sum()
}

/// How often lines cross in all.
fn crossings(rows: &[Vec<usize>], joins: &Joins) -> usize {
    let count = joins.above.len();
    let mut sum = 0;
    for two in rows.windows(2) {
        let at = positions(&two[1], count);
        for (i, left) in two[0].iter().enumerate() {
            sum +=
                two[0][i + 1..].iter().map(|r| pair(&joins.below, &at, *left, *r)).sum::<usize>();
        }
    }
    sum
}

/// The column of every item. `extents` is how far each reaches to the left and to the right of it, `gap`
/// what is left between neighbours; items from `boxes` on belong to lines, which like to be straight.
pub(super) fn columns(
    rows: &[Vec<usize>],
    edges: &[(usize, usize)],
    extents: &[(i32, i32)],
    gap: i32,
    boxes: usize,
) -> Vec<i32> {
    let joins = Joins::of(extents.len(), edges);
    let mut xs = vec![0; extents.len()];
    let apart = |left: usize, right: usize| extents[left].1 + gap + extents[right].0;
    for row in rows {
        let mut x = 0;
        for two in row.windows(2) {
            x += apart(two[0], two[1]);
            xs[two[1]] = x;
        }
        // The middle of each row on one line, to begin with.
        for item in row {
            xs[*item] -= x / 2;
        }
    }
    for round in 0..MOVES {
        let last = round + 1 == MOVES;
        let order: Vec<usize> = if round % 2 == 0 {
            (0..rows.len()).collect()
        } else {
            (0..rows.len()).rev().collect()
        };
        for rank in order {
            let wanted: Vec<(i32, i32)> = rows[rank]
                .iter()
                .map(|item| {
                    let (up, down) = (&joins.above[*item], &joins.below[*item]);
                    let near: &[&Vec<usize>] = match (round % 2 == 0, last) {
                        (_, true) => &[up, down],
                        (true, _) => &[up],
                        (false, _) => &[down],
                    };
                    average(*item, near, &xs, boxes)
                })
                .collect();
            let row = &rows[rank];
            let at = separate(&wanted, |i| apart(row[i - 1], row[i]));
            for (item, x) in row.iter().zip(at) {
                xs[*item] = x;
            }
        }
    }
    xs
}

/// Where an item would like to stand, and how much.
fn average(item: usize, near: &[&Vec<usize>], xs: &[i32], boxes: usize) -> (i32, i32) {
    let (mut sum, mut weights) = (0, 0);
    for other in near.iter().flat_map(|n| n.iter()) {
        let weight = match (item < boxes, *other < boxes) {
            (false, false) => 16,
            (true, true) => 1,
            _ => 2,
        };
        sum += weight * xs[*other];
        weights += weight;
    }
    if weights == 0 { (xs[item], 1) } else { (sum / weights, weights) }
}

/// Positions in the given sequence that are as near as can be to the wanted ones (the least sum of
/// squares, by weight), each `apart(i)` at least from the one before. By pooling neighbours that are in
/// each other's way.
pub(super) fn separate(wanted: &[(i32, i32)], apart: impl Fn(usize) -> i32) -> Vec<i32> {
    struct Pool {
        sum: i64,
        weight: i64,
        count: usize,
    }
    let mut offsets = Vec::with_capacity(wanted.len());
    let mut offset = 0_i64;
    let mut pools: Vec<Pool> = Vec::new();
    for (i, (x, weight)) in wanted.iter().enumerate() {
        if i > 0 {
            offset += i64::from(apart(i));
        }
        offsets.push(offset);
        let weight = i64::from((*weight).max(1));
        let mut pool = Pool { sum: (i64::from(*x) - offset) * weight, weight, count: 1 };
        while let Some(before) = pools.pop_if(|before| {
            before.sum.div_euclid(before.weight) > pool.sum.div_euclid(pool.weight)
        }) {
            pool = Pool {
                sum: before.sum + pool.sum,
                weight: before.weight + pool.weight,
                count: before.count + pool.count,
            };
        }
        pools.push(pool);
    }
    let means = pools.iter().flat_map(|p| std::iter::repeat_n(p.sum.div_euclid(p.weight), p.count));
    means.zip(offsets).map(|(mean, offset)| i32::try_from(mean + offset).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_each_others_way_is_moved_apart_evenly() {
        assert_eq!(separate(&[(0, 1), (0, 1), (100, 1)], |_| 10), [-5, 5, 100]);
        assert_eq!(separate(&[(50, 1), (0, 1)], |_| 10), [20, 30]);
        assert_eq!(separate(&[], |_| 10), [0; 0]);
    }

    #[test]
    fn rows_are_sorted_so_that_lines_do_not_cross() {
        // 0 and 1 above, 2 and 3 below, joined crosswise.
        let mut rows = vec![vec![0, 1], vec![2, 3]];
        let edges = [(0, 3), (1, 2)];
        sort(&mut rows, &edges);
        assert_eq!(crossings(&rows, &Joins::of(4, &edges)), 0);
    }
}
