//! The embedded data set.

use std::collections::HashSet;

use rand::RngExt;
use rand::seq::SliceRandom;
use shillproof_core::{Interactions, RatingScale, Rng, Seed, Triples};

use crate::known::refuse_layout;
use crate::{DataError, DataOptions, Dataset, Labels, load_files, write_csv};

/// What it is called.
pub(crate) const NAME: &str = "demo";
/// The root of everything random in the data set. Another value is another data set.
const SEED: Seed = Seed::new(100_000);
const USERS: usize = 1000;
/// Items on offer; some are never taken and then are not in the data.
const OFFERED: usize = 1530;
const CLUSTERS: usize = 12;
const LEAST_A_USER: f64 = 20.0;
const MOST_A_USER: f64 = 450.0;
/// The first second of the data, and the seconds within which users join.
const OPENING: i64 = 1_700_000_000;
const SEASON: i64 = 180 * DAY;
const DAY: i64 = 86_400;

/// The embedded data set `demo`: a generated shop with about the size and habits of MovieLens-100K.
///
/// It may be redistributed, so everybody has it. Twelve clusters of taste are planted in it: a user
/// mostly takes items of two of them, popular ones first, and drifts to what few take towards the end
/// of a history. That is why, as in real data, the latest interaction is harder to predict than a
/// random one. Rare items are mostly taken by chance and have no following.
///
/// | | `demo` | MovieLens-100K |
/// |---|---|---|
/// | users / items / ratings | 1,000 / 1,500 / 62,705 | 943 / 1,682 / 100,000 |
/// | ratings a user: least / median / mean / most | 20 / 38.5 / 62.7 / 450 | 20 / 65 / 106.0 / 737 |
/// | median by mean | 0.614 | 0.613 |
/// | Gini coefficient of item popularity | 0.642 | 0.629 |
/// | items with at most 5 ratings | 23.1 % | 22.8 % |
/// | ratings 1 / 2 / 3 / 4 / 5 in % | 4.9 / 15.0 / 27.6 / 29.0 / 23.7 | 6.1 / 11.4 / 27.1 / 34.2 / 21.2 |
/// | HR@10 of WRMF, latest left out | 0.106 | 0.089 |
/// | HR@10 of WRMF, random one left out | 0.305 | 0.318 |
/// | HR@10 of popularity, latest left out | 0.054 | 0.050 |
/// | HR@10 of popularity, random one left out | 0.140 | 0.140 |
///
/// Hit ratios are by full ranking with seen items masked, mean of two seeds; WRMF has 32 factors, weight 1,
/// regularization 10 and 15 iterations. The tests of this data set hold every number. The generator
/// uses only operations whose result IEEE 754 fixes to the last bit, so the checksum is the same on
/// every machine.
///
/// ```
/// let demo = shillproof_data::demo();
/// assert_eq!((demo.users.len(), demo.items.len(), demo.interactions.len()), (1000, 1500, 62_705));
/// ```
pub fn demo() -> Dataset {
    let shop = Shop::open(&mut SEED.child("items").rng());
    let mut log = Triples { ratings: Some(Vec::new()), times: Some(Vec::new()), ..Triples::default() };
    for user in 0..USERS {
        shop.visit(user, &mut SEED.child("users").index(user as u64).rng(), &mut log);
    }
    label(log, &mut SEED.child("labels").rng())
}

/// The data set with the options of a user on top, read as if it came in a file.
pub(crate) fn load(options: &DataOptions) -> Result<Dataset, DataError> {
    refuse_layout(NAME, options)?;
    if *options == DataOptions::default() {
        return Ok(demo());
    }
    let unwritten = |source| DataError::Io { path: std::env::temp_dir(), source };
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().map_err(unwritten)?;
    write_csv(&mut file, &demo())?;
    load_files(NAME, &[file.path().to_owned()], options)
}

struct Item {
    /// How often it is taken, up to a factor.
    popularity: f64,
    cluster: usize,
    /// A second cluster it belongs to, with less weight.
    second: usize,
    /// Share of its popularity that is nobody's taste in particular.
    common: f64,
    /// What is added to its ratings.
    quality: f64,
}

/// Running sums of weights, to draw an item in proportion to its weight.
struct Shelf(Vec<f64>);

impl Shelf {
    fn of(weights: impl Iterator<Item = f64>) -> Self {
        let mut total = 0.0;
        Self(
            weights
                .map(|weight| {
                    total += weight;
                    total
                })
                .collect(),
        )
    }

    fn draw(&self, rng: &mut Rng) -> usize {
        let last = self.0.len() - 1;
        let at = rng.random::<f64>() * self.0[last];
        self.0.partition_point(|sum| *sum <= at).min(last)
    }
}

struct Shop {
    items: Vec<Item>,
    clusters: Vec<Shelf>,
    /// What everybody takes.
    common: Shelf,
    /// What is left when one's own taste is used up: popularity counts for its root only.
    remote: Shelf,
}

impl Shop {
    fn open(rng: &mut Rng) -> Self {
        let items: Vec<Item> = (0..OFFERED).map(|rank| Item::offer(rank, rng)).collect();
        let clusters = (0..CLUSTERS).map(|cluster| Shelf::of(items.iter().map(|item| item.appeal(cluster))));
        Self {
            clusters: clusters.collect(),
            common: Shelf::of(items.iter().map(|item| item.popularity * item.common)),
            remote: Shelf::of(items.iter().map(|item| item.popularity.sqrt())),
            items,
        }
    }

    /// One user's whole history.
    fn visit(&self, user: usize, rng: &mut Rng, log: &mut Triples) {
        // Log-logistic: half of the users stay below 39 interactions, a few reach hundreds.
        let quantile = (user as f64 + rng.random::<f64>()) / USERS as f64;
        let odds = quantile / (1.0 - quantile);
        let size = (LEAST_A_USER + 19.0 * odds.sqrt() * odds.sqrt().sqrt()).min(MOST_A_USER) as usize;
        let mut taste: Vec<usize> = (0..CLUSTERS).collect();
        taste.shuffle(rng);
        let generosity = 0.48 * bell(rng);
        let mut time = OPENING + rng.random_range(0..SEASON);
        for item in self.choose(size, &taste, rng) {
            let value = 2.68 + generosity + self.items[item].rating_by(&taste) + 0.76 * bell(rng);
            log.users.push(user as u32);
            log.items.push(item as u32);
            log.ratings.get_or_insert_default().push((value + 0.5).floor().clamp(1.0, 5.0) as f32);
            log.times.get_or_insert_default().push(time);
            let comes_back_later = rng.random_bool(0.01);
            time += if comes_back_later { rng.random_range(0..30 * DAY) } else { rng.random_range(0..60) };
        }
    }

    /// `size` items in the order they are taken.
    fn choose(&self, size: usize, taste: &[usize], rng: &mut Rng) -> Vec<usize> {
        let first = 0.65 + 0.2 * rng.random::<f64>();
        let mut taken = vec![false; self.items.len()];
        let mut basket: Vec<(f64, usize)> = Vec::with_capacity(size);
        let mut tries = 0;
        while basket.len() < size {
            tries += 1;
            let progress = basket.len() as f64 / size as f64;
            let drift = 0.68 * progress * progress * progress * progress;
            // Who takes more than a taste offers goes on with what everybody takes.
            let shelf = if tries > 8 * size || rng.random_bool(0.15 * (1.0 - progress)) {
                &self.common
            } else if rng.random_bool(drift) {
                &self.remote
            } else if rng.random_bool(first) {
                &self.clusters[taste[0]]
            } else if rng.random_bool(0.85) {
                &self.clusters[taste[1]]
            } else {
                &self.clusters[taste[2 + rng.random_range(0..4u32) as usize]]
            };
            let item = shelf.draw(rng);
            if !std::mem::replace(&mut taken[item], true) {
                // Neighbors in time change places now and then.
                basket.push((progress + 0.05 * rng.random::<f64>(), item));
            }
        }
        basket.sort_by(|a, b| a.0.total_cmp(&b.0));
        basket.into_iter().map(|(_, item)| item).collect()
    }
}

impl Item {
    /// The item at this place of the popularity ranking.
    fn offer(rank: usize, rng: &mut Rng) -> Self {
        let place = (rank as f64 + 0.5) / OFFERED as f64;
        let near_top = place + 0.012;
        let fall = near_top * near_top.sqrt().sqrt();
        // What is taken rarely is mostly taken by chance; what everybody knows is taken by everybody.
        let by_chance = if place > 0.6 { 1.25 * (place - 0.6) } else { 0.0 };
        Self {
            popularity: ((1.0 - place) * (1.0 - place) + 0.05) / fall,
            cluster: rng.random_range(0..CLUSTERS as u32) as usize,
            second: rng.random_range(0..CLUSTERS as u32) as usize,
            common: 0.05 + 0.045 / (place + 0.1) + by_chance + 0.1 * rng.random::<f64>(),
            quality: 0.7 * (1.0 - 2.0 * place) + 0.5 * bell(rng),
        }
    }

    /// Its weight in the shelf of a cluster.
    fn appeal(&self, cluster: usize) -> f64 {
        let mine = |own: usize, share: f64| if own == cluster { share } else { 0.0 };
        self.popularity * (1.0 - self.common) * (mine(self.cluster, 0.75) + mine(self.second, 0.25))
    }

    /// What quality and taste add to a rating.
    fn rating_by(&self, taste: &[usize]) -> f64 {
        let liking = if self.cluster == taste[0] {
            1.3
        } else if self.cluster == taste[1] || self.second == taste[0] {
            0.5
        } else {
            -0.3
        };
        self.quality + liking
    }
}

/// Roughly normal with deviation 1, from four uniforms.
fn bell(rng: &mut Rng) -> f64 {
    let sum: f64 = (0..4).map(|_| rng.random::<f64>()).sum();
    (sum - 2.0) * 3.0f64.sqrt()
}

/// Gives users and items labels that tell nothing, and leaves out items that nobody took.
fn label(mut log: Triples, rng: &mut Rng) -> Dataset {
    let users = codes("customer-", USERS, rng);
    let items = codes("sku-", OFFERED, rng);
    let taken: HashSet<u32> = log.items.iter().copied().collect();
    let user_labels = Labels::sorted(&users);
    let item_labels =
        Labels::sorted((0..OFFERED as u32).filter(|i| taken.contains(i)).map(|i| &items[i as usize]));
    for user in &mut log.users {
        *user = user_labels.find(&users[*user as usize]).expect("every user has a label");
    }
    for item in &mut log.items {
        *item = item_labels.find(&items[*item as usize]).expect("every item that was taken has a label");
    }
    let scale = RatingScale::new(1.0, 5.0, 1.0).expect("1 to 5 is a scale");
    let interactions = Interactions::from_triples(USERS, item_labels.len(), log, Some(scale))
        .expect("a user takes an item once");
    Dataset::new(NAME.into(), user_labels, item_labels, interactions)
}

/// `n` different labels of this beginning and six digits.
fn codes(beginning: &str, n: usize, rng: &mut Rng) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut numbers = std::iter::repeat_with(|| rng.random_range(100_000..1_000_000u32));
    std::iter::from_fn(|| numbers.find(|number| seen.insert(*number)))
        .take(n)
        .map(|number| format!("{beginning}{number}"))
        .collect()
}
