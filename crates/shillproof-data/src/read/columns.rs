//! Which column means what.

use crate::error::{DataError, Place, quote};

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Item,
    Rating,
    Time,
    Position,
}

/// Header names, without case, `_`, `-`, blanks and RecBole's `:type`.
const NAMES: [(Role, &[&str]); 5] = [
    (
        Role::User,
        &[
            "user",
            "users",
            "userid",
            "uid",
            "username",
            "reviewer",
            "reviewerid",
            "customer",
            "customerid",
            "member",
            "memberid",
            "account",
            "accountid",
            "visitorid",
            "sessionid",
        ],
    ),
    (
        Role::Item,
        &[
            "item",
            "items",
            "itemid",
            "iid",
            "movie",
            "movieid",
            "artist",
            "artistid",
            "book",
            "bookid",
            "isbn",
            "asin",
            "parentasin",
            "product",
            "productid",
            "business",
            "businessid",
            "game",
            "gameid",
            "anime",
            "animeid",
            "song",
            "songid",
            "track",
            "trackid",
            "album",
            "albumid",
            "poi",
            "poiid",
            "venue",
            "venueid",
            "article",
            "articleid",
            "news",
            "newsid",
            "app",
            "appid",
            "video",
            "videoid",
            "recipe",
            "recipeid",
            "beer",
            "beerid",
            "joke",
            "jokeid",
        ],
    ),
    (
        Role::Rating,
        &[
            "rating",
            "ratings",
            "score",
            "scores",
            "star",
            "stars",
            "value",
            "overall",
            "bookrating",
            "feedback",
            "preference",
        ],
    ),
    (
        Role::Time,
        &[
            "timestamp",
            "timestamps",
            "time",
            "date",
            "datetime",
            "ts",
            "unixtime",
            "unixreviewtime",
            "unixtimestamp",
            "createdat",
        ],
    ),
    (Role::Position, &["position", "pos", "order", "seq", "sequence"]),
];

impl Role {
    /// The meaning of a header name.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        let name = name.trim().split(':').next().unwrap_or_default();
        let plain: String = name
            .chars()
            .filter(|c| !matches!(c, '_' | '-' | ' ' | '.'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        NAMES.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|&(role, _)| role)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Item => "item",
            Self::Rating => "rating",
            Self::Time => "timestamp",
            Self::Position => "position",
        }
    }
}

/// Where the columns are that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) user: usize,
    pub(crate) item: usize,
    pub(crate) rating: Option<usize>,
    pub(crate) time: Option<usize>,
    pub(crate) position: Option<usize>,
}

/// Why roles are no columns.
pub(crate) enum NoColumns {
    /// Two columns with the same meaning.
    Twice(Role, usize, usize),
    /// No user or no item.
    Without(Role),
}

impl Columns {
    pub(crate) fn new(roles: &[Option<Role>]) -> Result<Self, NoColumns> {
        let at = |role: Role| {
            let mut places = (0..roles.len()).filter(|&c| roles[c] == Some(role));
            match (places.next(), places.next()) {
                (Some(a), Some(b)) => Err(NoColumns::Twice(role, a, b)),
                (first, _) => Ok(first),
            }
        };
        Ok(Self {
            user: at(Role::User)?.ok_or(NoColumns::Without(Role::User))?,
            item: at(Role::Item)?.ok_or(NoColumns::Without(Role::Item))?,
            rating: at(Role::Rating)?,
            time: at(Role::Time)?,
            position: at(Role::Position)?,
        })
    }

    /// The columns that `--columns` names.
    pub(crate) fn parse(text: &str) -> Result<Self, DataError> {
        let wrong = |got: String, hint: String| {
            DataError::Setting {
            name: "--columns",
            got,
            expected: "`user`, `item` and, where they are, `rating`, `timestamp`, `position`, each once; `_` skips a column"
                .into(),
            hint,
        }
        };
        let mut roles = Vec::new();
        for name in text.split(',').map(str::trim) {
            if matches!(name, "_" | "") {
                roles.push(None);
                continue;
            }
            let Some(role) = Role::of(name.as_bytes()) else {
                let nearest = NAMES
                    .iter()
                    .map(|(role, _)| role.name())
                    .min_by_key(|known| strsim::damerau_levenshtein(known, &name.to_lowercase()))
                    .unwrap_or("user");
                return Err(wrong(
                    format!("`{text}` with the unknown name `{name}`"),
                    format!("did you mean `{nearest}`? Write `_` for a column that is not needed"),
                ));
            };
            roles.push(Some(role));
        }
        Self::new(&roles).map_err(|why| match why {
            NoColumns::Twice(role, a, b) => wrong(
                format!("`{text}` with `{}` as columns {} and {}", role.name(), a + 1, b + 1),
                "write `_` for one of the two".into(),
            ),
            NoColumns::Without(role) => wrong(
                format!("`{text}` without `{}`", role.name()),
                format!(
                    "name the column that holds the {}: for example `--columns user,item,rating`",
                    role.name()
                ),
            ),
        })
    }

    /// The columns that a header names.
    pub(crate) fn from_header(place: &Place, header: &[&[u8]]) -> Result<Self, DataError> {
        let roles: Vec<Option<Role>> = header.iter().map(|name| Role::of(name)).collect();
        let listed = || {
            let names: Vec<String> = header.iter().take(12).map(|name| quote(name)).collect();
            names.join(", ")
        };
        Self::new(&roles).map_err(|why| match why {
            NoColumns::Twice(role, a, b) => DataError::Malformed {
                place: place.clone(),
                found: format!("columns {} and {} that both look like the {}: {}", a + 1, b + 1, role.name(), listed()),
                expected: "one such column".into(),
                hint: "say which with `--columns`, for example `--columns user,item,_,rating`; `_` skips a column".into(),
            },
            NoColumns::Without(role) => DataError::Malformed {
                place: place.clone(),
                found: format!("a header without {} column: {}", role.name(), listed()),
                expected: format!("a column named `{}`, `{}_id` or alike", role.name(), role.name()),
                hint: "name the columns from the left, for example `--columns user,item,rating`; `_` skips a column".into(),
            },
        })
    }

    /// The usual columns of a file without a header.
    pub(crate) fn by_width(place: &Place, width: usize) -> Result<Self, DataError> {
        let has = |n: usize| (width > n).then_some(n);
        if !(2..=4).contains(&width) {
            return Err(DataError::Malformed {
                place: place.clone(),
                found: format!("{width} columns without a header that names them"),
                expected: "`user item`, `user item rating` or `user item rating timestamp`, or a header".into(),
                hint: "name the columns from the left, for example `--columns user,item,_,rating`; `_` skips a column; \
                       for one user a line say `--sequences first-field`"
                    .into(),
            });
        }
        Ok(Self { user: 0, item: 1, rating: has(2), time: has(3), position: None })
    }

    /// The last column that is read.
    pub(crate) fn last(&self) -> usize {
        [Some(self.user), Some(self.item), self.rating, self.time, self.position]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(0)
    }
}
