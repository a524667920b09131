#include "delta/format/script.h"

#include <gtest/gtest.h>

#include "delta/apply/script_player.h"
#include "delta/encode/script_encoder.h"
#include "delta/format/crc32c.h"
#include "delta/format/header.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

TEST(Script, StepsComeBackAsTheyWere) {
    ScriptWriter writer;
    writer.copy(10, 500, 90, 10);
    writer.records(0, 70);
    writer.copy_rest(3, 2000, 663);
    ScriptSteps steps(writer.control(), 20, 0, 1000, {});
    const auto first = *steps.next();
    EXPECT_EQ(first.kind, ScriptStep::Kind::copy);
    EXPECT_EQ(first.literals, 10u);
    EXPECT_EQ(first.length, 500u);
    EXPECT_EQ(first.old_offset, 90u);
    const auto second = *steps.next();
    EXPECT_EQ(second.kind, ScriptStep::Kind::records);
    EXPECT_EQ(second.length, 70u);
    EXPECT_EQ(second.expected, 590u) << "the old file goes on behind the copy";
    const auto third = *steps.next();
    EXPECT_EQ(third.old_offset, 2000u);
    EXPECT_EQ(third.length, 1000u - 583u) << "up to the end of the segment";
    EXPECT_FALSE(steps.next()) << "seven literals have no room left";
}

TEST(Script, ReferencesAreWhatTheCopiesLeaveOut) {
    ScriptStep step;
    step.kind = ScriptStep::Kind::copy;
    step.literals = 50;
    step.expected = 400;
    step.old_offset = 460;
    EXPECT_EQ(script_references(step, {0, 1000})[0], (OldRange{144, 316})) << "and what is before";
    step.old_offset = 90'000;
    EXPECT_EQ(script_references(step, {0, 1u << 20})[0], (OldRange{144, 306}));
    EXPECT_EQ(script_references(step, {0, 1u << 20})[1], (OldRange{89'950, 50}));
    EXPECT_EQ(script_references(step, {0, 160})[0], (OldRange{144, 16})) << "within the old file";
    EXPECT_EQ(script_references(step, {0, 160})[1], OldRange{});
    EXPECT_EQ(script_references(step, {200, 1u << 20})[0], (OldRange{200, 250})) << "at hand";
    step.literals = 0;
    EXPECT_EQ(script_references(step, {0, 1000})[0], OldRange{});
}

// What a reader makes of one script, of `length` bytes.
class Player {
public:
    explicit Player(ByteSpan old_file, std::uint8_t features = known_features) : old_(old_file) {
        info_.features = features;
        info_.block_bytes = info_.reference_bytes = 1000;
        info_.old_size = old_file.size();
    }
    Result<Bytes> play(ByteSpan body, std::uint64_t length) {
        ScriptPlayer player(info_, old_);
        Bytes room(info_.reference_bytes);
        TRY(player.start(body, 0, length, {}, room));
        Bytes out;
        for (;;) {
            TRY(const auto next, player.next());
            out.insert(out.end(), next.literals.begin(), next.literals.end());
            if (next.step.kind == ScriptStep::Kind::end) return out;
        }
    }

private:
    DeltaInfo info_;
    MemoryReader old_;
};

Bytes body_of(const ScriptRecord& script) {
    Bytes out;
    append_script(out, script);
    return {out.begin() + 2, out.end()};  // kind and length, of short ones
}

// It would make nothing, and could read the old file for that, again and again.
TEST(Script, OfNothingIsRefused) {
    for (const auto reference :
         {ScriptReference::none, ScriptReference::gaps, ScriptReference::whole}) {
        ScriptRecord script;
        script.reference = reference;
        const auto played = Player(random_bytes(100, 1)).play(body_of(script), 40);
        ASSERT_FALSE(played);
        EXPECT_EQ(played.error().code, Errc::corrupt);
    }
}

TEST(Script, LiteralsAreUnpacked) {
    const Bytes text = metadata_text(3, "1");
    ScriptRecord script;
    script.literal_bytes = 40;
    script.literals = ByteSpan(text).first(40);
    EXPECT_EQ(*Player({}).play(body_of(script), 40), Bytes(text.begin(), text.begin() + 40));
    const Bytes packed = lzma_encode(ByteSpan(text).first(40), text, {}, 100);
    script.literals = packed;
    script.literal_form = ScriptForm::lzma;
    script.reference = ScriptReference::whole;
    EXPECT_LT(packed.size(), 20u);
    EXPECT_EQ(*Player(text).play(body_of(script), 40), Bytes(text.begin(), text.begin() + 40));
}

TEST(Script, HostileOnesAreRefused) {
    const Bytes bytes(40, std::byte{7});
    ScriptRecord good;
    good.literal_bytes = 40;
    good.literals = bytes;
    ASSERT_TRUE(Player({}).play(body_of(good), 40));
    EXPECT_FALSE(Player({}, 0).play(body_of(good), 40)) << "undeclared";
    EXPECT_FALSE(Player({}).play(body_of(good), 39)) << "past the end of the segment";

    auto long_literals = good;
    long_literals.literal_bytes = 1001;
    EXPECT_FALSE(Player({}).play(body_of(long_literals), 2000)) << "more than declared";
    auto long_control = good;
    long_control.control_bytes = max_control_bytes + 1;
    EXPECT_FALSE(Player({}).play(body_of(long_control), 40));
    auto short_literals = good;
    short_literals.literals = ByteSpan(bytes).first(39);
    EXPECT_FALSE(Player({}).play(body_of(short_literals), 40));
    auto damaged = good;
    damaged.literal_form = ScriptForm::lzma;
    EXPECT_FALSE(Player({}).play(body_of(damaged), 40));
    EXPECT_FALSE(Player({}, feature_scripts).play(body_of(damaged), 40)) << "undeclared LZMA";
    auto whole = good;
    whole.reference = ScriptReference::whole;
    EXPECT_FALSE(Player(Bytes(1001)).play(body_of(whole), 40)) << "more than declared";

    for (unsigned forms = 0; forms < 256; ++forms) {
        Bytes body = body_of(good);
        body[2] = static_cast<std::byte>(forms);
        const auto played = Player({}).play(body, 40);
        EXPECT_TRUE(!played || *played == bytes) << forms;
    }
}

TEST(Script, HostileStepsAreRefused) {
    const auto last = [](const Bytes& control, std::uint64_t literals) {
        ScriptSteps steps(control, literals, 0, 100, {});
        for (;;) {
            const auto step = steps.next();
            if (!step || step->kind == ScriptStep::Kind::end) return step.has_value();
        }
    };
    const auto bytes = [](std::initializer_list<unsigned> values) {
        Bytes out;
        for (const auto value : values) out.push_back(static_cast<std::byte>(value));
        return out;
    };
    EXPECT_TRUE(last(bytes({10, 91, 0}), 10));
    EXPECT_FALSE(last(bytes({11, 0, 1}), 10)) << "too few literals";
    EXPECT_FALSE(last(bytes({10, 92, 0}), 10)) << "copy past the end";
    EXPECT_FALSE(last(bytes({0, 0, 0}), 0)) << "records of nothing";
    EXPECT_FALSE(last(bytes({0, 0, 101}), 0)) << "records past the end";
    EXPECT_FALSE(last(bytes({0, 5}), 0)) << "a step is cut";
    EXPECT_FALSE(last(bytes({0, 101, 0, 0, 1, 0}), 0)) << "a copy of nothing";
}

TEST(Script, AMetadataChangeCostsLittle) {
    const Bytes weights = float_weights(8000, 5);
    const Bytes old_file = concatenated({metadata_text(40, "1"), weights, metadata_text(9, "a")});
    Bytes new_file = old_file;
    new_file[100] ^= std::byte{1};
    const auto one = encode(old_file, new_file);
    ASSERT_TRUE(one);
    EXPECT_LE(one->size(), 115u);
    EXPECT_EQ(*decode(old_file, *one, 7), new_file);

    const Bytes moved = concatenated({metadata_text(9, "a"), metadata_text(41, "1"), weights});
    const auto other = encode(old_file, moved);
    ASSERT_TRUE(other);
    EXPECT_LE(other->size(), 200u);
    EXPECT_EQ(*decode(old_file, *other, 7), moved);
}

}  // namespace
}  // namespace strandline::delta
