//! One table drives the contract: the catalogue with what each entry says about itself.

use shillproof_attacks::{
    Affinity, AttackSpec, BandwagonAttack, PopularAttack, Popularity, PowerUserAttack, SegmentAttack,
    Selection, UniformAttack, Variant,
};
use shillproof_core::catalogue::Catalogue;
use shillproof_testkit::contracts::attack::{Expect, check};

#[test]
fn every_attack_keeps_the_contract() {
    let mut table = AttackSpec::all();
    table.extend([
        AttackSpec::Bandwagon(BandwagonAttack { popularity: Popularity::MeanRating, ..Default::default() }),
        AttackSpec::Popular(PopularAttack {
            variant: Variant::Alternating,
            popular_fraction: "60%".parse().unwrap(),
            ..Default::default()
        }),
        AttackSpec::Uniform(UniformAttack { force_targets: true }),
        AttackSpec::Segment(SegmentAttack { affinity: Affinity::Cosine, ..Default::default() }),
        AttackSpec::PowerUser(PowerUserAttack { selection: Selection::InDegree, ..Default::default() }),
        AttackSpec::PowerUser(PowerUserAttack {
            selection: Selection::AggregatedSimilarity,
            ..Default::default()
        }),
    ]);
    for spec in table {
        println!("{}", serde_json::to_string(&spec).unwrap());
        let can = spec.capabilities();
        let expect = Expect {
            makes_fakes: !matches!(spec, AttackSpec::None(_)),
            rates_targets: can.rates_targets,
            explicit: can.explicit,
            implicit: can.implicit,
        };
        check(spec.attack(), expect);
    }
}
