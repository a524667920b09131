#include "net/mqtt_frames.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace strandline::net {
namespace {

using std::string_literals::operator""s;

constexpr std::size_t limit = 1000;

std::string length_of(std::size_t size) {
    std::string out;
    do {
        const auto next = static_cast<unsigned char>(size % 128 | (size >= 128 ? 128 : 0));
        out += static_cast<char>(next);
        size /= 128;
    } while (size > 0);
    return out;
}

std::string packet(unsigned first, const std::string& content) {
    return static_cast<char>(first) + length_of(content.size()) + content;
}

std::string text(const std::string& value) {
    return std::string{static_cast<char>(value.size() / 256), static_cast<char>(value.size())} +
           value;
}

std::string list(const std::string& properties) {
    return length_of(properties.size()) + properties;
}

const std::string connack = packet(0x20, "\0\0\0"s);

struct Outcome {
    std::string passed;
    std::string error;
};

/// What comes through when the pieces arrive one after the other.
Outcome feed(MqttFrames& frames, const std::vector<std::string>& pieces) {
    Outcome outcome;
    for (const auto& piece : pieces) {
        const auto status = frames.feed(as_bytes(piece), [&](ByteSpan packets) {
            outcome.passed += as_text(packets);
            return true;
        });
        if (status) continue;
        EXPECT_EQ(status.error().code, Errc::corrupt);
        outcome.error = status.error().message;
        break;
    }
    return outcome;
}

/// Behind a good CONNACK, which is left out of what passed.
Outcome after_connack(const std::string& bytes) {
    MqttFrames frames(limit);
    auto outcome = feed(frames, {connack, bytes});
    outcome.passed.erase(0, connack.size());
    return outcome;
}

std::string error_of(const std::string& bytes) {
    const auto outcome = after_connack(bytes);
    EXPECT_EQ(outcome.passed, "");
    return outcome.error;
}

/// Of all properties: a good value, and the packet types that may hold it.
struct Sample {
    int identifier;
    std::string value;
    std::set<unsigned> packets;
    bool repeats = false;
};

const std::set<unsigned> everywhere = {2, 3, 4, 9, 11, 14};

const std::vector<Sample>& samples() {
    static const std::vector<Sample> all = {
        {0x01, "\1"s, {3}},
        {0x02, "\0\0\0\0"s, {3}},
        {0x03, text("application/json"), {3}},
        {0x08, text("answers/a"), {3}},
        {0x09, text("\0\xff"s), {3}},
        {0x0b, "\xff\xff\xff\x7f"s, {3}, true},
        {0x11, "\0\0\1\0"s, {2}},
        {0x12, text("id"), {2}},
        {0x13, "\0\x0a"s, {2}},
        {0x15, text("method"), {2}},
        {0x16, text("\xff"), {2}},
        {0x1a, text("information"), {2}},
        {0x1c, text("other:8883"), {2, 14}},
        {0x1f, text("because"), {2, 4, 9, 11, 14}},
        {0x21, "\0\1"s, {2}},
        {0x22, "\0\0"s, {2}},
        {0x24, "\0"s, {2}},
        {0x25, "\1"s, {2}},
        {0x26, text("name") + text(""), everywhere, true},
        {0x27, "\0\0\0\1"s, {2}},
        {0x28, "\0"s, {2}},
        {0x29, "\1"s, {2}},
        {0x2a, "\1"s, {2}},
    };
    return all;
}

std::string one(const Sample& sample) {
    return static_cast<char>(sample.identifier) + sample.value;
}

/// A packet of this type with these properties.
std::string with(unsigned type, const std::string& properties) {
    switch (type) {
        case 2:
            return packet(0x20, "\1\0"s + list(properties));
        case 3:
            return packet(0x33, text("a/b") + "\0\7"s + list(properties) + "payload");
        case 9:
        case 11:
            return packet(type << 4, "\0\7"s + list(properties) + "\1\x80"s);
        case 14:
            return packet(0xe0, "\x8b"s + list(properties));
        default:
            return packet(type << 4, "\0\7\x10"s + list(properties));
    }
}

/// Feeds it as the first packet when it is a CONNACK.
Outcome alone(unsigned type, const std::string& bytes) {
    if (type != 2) return after_connack(bytes);
    MqttFrames frames(limit);
    return feed(frames, {bytes});
}

/// What comes out: a PUBACK loses its properties.
std::string cut(const std::string& bytes) {
    if (bytes[0] != '\x40' || bytes.size() <= 5) return bytes;
    return bytes.substr(0, 1) + "\3" + bytes.substr(2, 3);
}

std::vector<std::string> good_packets() {
    std::vector<std::string> good = {
        packet(0x30, text("a") + "\0"s),
        packet(0x3b, text("a") + "\0\1\0x"s),
        packet(0x32, text("\xc3\xa4") + "\1\0\0"s),
        packet(0x40, "\0\1"s),
        packet(0x40, "\0\1\x10"s),
        packet(0x40, "\xff\xff\x92\0"s),
        packet(0xd0, ""),
        packet(0xe0, ""),
        packet(0xe0, "\x8b"),
        packet(0xe0, "\x8b\0"s),
        packet(0x30, text("long") + "\0"s + std::string(300, 'x')),
    };
    for (const auto type : everywhere) {
        if (type != 2) good.push_back(with(type, one(samples()[18])));
    }
    return good;
}

TEST(MqttFrames, LetGoodPacketsThroughHoweverTheyAreSplit) {
    std::string all;
    std::string expected;
    for (const auto& bytes : good_packets()) {
        EXPECT_EQ(after_connack(bytes).passed, cut(bytes));
        all += bytes;
        expected += cut(bytes);
    }
    all = connack + all;
    expected = connack + expected;
    std::vector<std::string> single;
    for (const char byte : all) single.emplace_back(1, byte);
    MqttFrames slow(limit);
    EXPECT_EQ(feed(slow, single).passed, expected);
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        MqttFrames frames(limit);
        const auto outcome = feed(frames, {all.substr(0, cut), all.substr(cut)});
        EXPECT_EQ(outcome.passed, expected) << "cut at " << cut << ": " << outcome.error;
        EXPECT_EQ(frames.held(), 0U);
    }
}

TEST(MqttFrames, LetNothingOfAPacketThroughBeforeItIsWhole) {
    for (const auto& bytes : good_packets()) {
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            MqttFrames frames(limit);
            const auto outcome = feed(frames, {connack + bytes.substr(0, size)});
            EXPECT_EQ(outcome.passed, connack);
            EXPECT_EQ(outcome.error, "");
            EXPECT_EQ(frames.held(), size);
        }
    }
}

TEST(MqttFrames, RefuseWhatEndsTooEarly) {
    for (const auto type : everywhere) {
        const auto whole = with(type, one(samples()[18]));
        const auto content = whole.substr(2);
        for (std::size_t size = 0; size < content.size(); ++size) {
            const auto outcome = alone(type, packet(whole[0] & 0xffU, content.substr(0, size)));
            const bool ack = type >= 4 && type <= 7 && (size == 2 || size == 3);
            const bool farewell = type == 14 && size <= 1;
            const bool without_payload = type == 3 && size + 7 >= content.size();
            const bool may_end = ack || farewell || without_payload;
            const bool one_reason_less = (type == 9 || type == 11) && size + 1 == content.size();
            EXPECT_EQ(outcome.error.empty(), may_end || one_reason_less)
                << "type " << type << " of " << size << " bytes: " << outcome.error;
        }
    }
}

TEST(MqttFrames, KnowWhichPropertyBelongsWhere) {
    for (const auto& sample : samples()) {
        for (const auto type : everywhere) {
            const auto bytes = with(type, one(sample));
            const auto outcome = alone(type, bytes);
            const bool belongs = sample.packets.contains(type);
            EXPECT_EQ(outcome.passed, belongs ? cut(bytes) : "")
                << fmt::format("property {:#x} in type {}: ", sample.identifier, type)
                << outcome.error;
            if (belongs) continue;
            EXPECT_NE(outcome.error.find("does not belong there"), std::string::npos);
        }
    }
}

TEST(MqttFrames, RefuseUnknownProperties) {
    std::set<int> known = {0x23};  // has a test of its own
    for (const auto& sample : samples()) known.insert(sample.identifier);
    for (int identifier = 0; identifier < 256; ++identifier) {
        if (known.contains(identifier)) continue;
        for (const auto type : everywhere) {
            const auto outcome =
                alone(type, with(type, std::string(8, static_cast<char>(identifier))));
            EXPECT_NE(outcome.error.find(fmt::format("unknown property {:#04x}", identifier)),
                      std::string::npos)
                << outcome.error;
        }
    }
    EXPECT_EQ(error_of(with(3, "\x7e")), "the broker sent a PUBLISH with an unknown property 0x7e");
}

TEST(MqttFrames, RefusePropertiesTwiceUnlessTheyMayRepeat) {
    for (const auto& sample : samples()) {
        const auto type = *sample.packets.begin();
        const auto outcome = alone(type, with(type, one(sample) + one(sample)));
        EXPECT_EQ(outcome.error.empty(), sample.repeats) << outcome.error;
        if (sample.repeats) continue;
        EXPECT_NE(outcome.error.find("twice"), std::string::npos);
    }
}

TEST(MqttFrames, RefusePropertiesThatEndTooEarly) {
    for (const auto& sample : samples()) {
        const auto type = *sample.packets.begin();
        const auto whole = one(sample);
        for (std::size_t size = 1; size < whole.size(); ++size) {
            const auto outcome = alone(type, with(type, whole.substr(0, size)));
            EXPECT_NE(outcome.error.find("that is cut short"), std::string::npos)
                << fmt::format("property {:#x} of {} bytes: ", sample.identifier, size)
                << outcome.error;
        }
    }
}

TEST(MqttFrames, RefuseValuesOutOfBounds) {
    const std::vector<std::pair<unsigned, std::string>> bad = {
        {3, "\x01\x02"s},
        {3, "\x0b\0"s},
        {2, "\x21\0\0"s},
        {2, "\x24\x02"s},
        {2, "\x25\xff"s},
        {2, "\x27\0\0\0\0"s},
        {2, "\x28\x02"s},
        {3, "\x0b\x80\0"s},
        {3, "\x0b\xff\xff\xff\xff\x7f"s},
        {3, "\x03\0\2\xc3\x28"s},
        {3, "\x03\0\1\0"s},
        {3, "\x26\0\1a\0\1\xff"s},
        {3, "\x23\0\1"s},
        {2, "\x15\0\x03\xed\xa0\x80"s},
    };
    for (const auto& [type, properties] : bad) {
        const auto outcome = alone(type, with(type, properties));
        EXPECT_NE(outcome.error, "") << fmt::format("property {:#x}", properties[0]);
        EXPECT_EQ(outcome.passed, "");
    }
    EXPECT_EQ(error_of(with(3, "\x23\0\1"s)),
              "the broker sent a PUBLISH with a topic alias, which was not allowed");
}

TEST(MqttFrames, RefuseWhatABrokerMayNotSend) {
    const std::set<unsigned> types = {2, 4, 9, 11, 13, 14};
    for (unsigned first = 0; first < 256; ++first) {
        const bool publish = first >> 4 == 3 && (first & 6) <= 2;
        const bool fits = publish || ((first & 15) == 0 && types.count(first >> 4) != 0);
        MqttFrames frames(limit);
        // A single byte says it already.
        const auto outcome = feed(frames, {connack, std::string(1, static_cast<char>(first))});
        EXPECT_EQ(outcome.error.empty(), fits && first != 0x20) << first << outcome.error;
    }
    EXPECT_EQ(error_of(packet(0xf0, "\x18\0"s)),
              "the broker sent an AUTH, which no broker may send here");
    EXPECT_EQ(error_of(packet(0x62, "\0\1"s)),
              "the broker sent a PUBREL, which no broker may send here");
    EXPECT_EQ(error_of(packet(0x34, text("a") + "\0\1\0"s)),
              "the broker sent a PUBLISH with flags 0x4");
}

TEST(MqttFrames, BeginWithOneConnack) {
    EXPECT_EQ(error_of(connack), "the broker sent a CONNACK a second time");
    MqttFrames frames(limit);
    EXPECT_EQ(feed(frames, {packet(0xd0, "")}).error, "the broker sent a PINGRESP before CONNACK");
    const auto refusal_of_an_old_broker = "\x20\2\0\1"s;
    MqttFrames other(limit);
    EXPECT_EQ(feed(other, {refusal_of_an_old_broker}).passed, refusal_of_an_old_broker);
    for (const auto& bad : {"\x20\2\0\0"s, "\x20\1\0"s, "\x20\0"s, "\x20\3\2\0\0"s}) {
        MqttFrames fresh(limit);
        EXPECT_NE(feed(fresh, {bad}).error, "");
    }
}

TEST(MqttFrames, RefuseBadParts) {
    const std::vector<std::pair<std::string, std::string>> bad = {
        {packet(0x30, text("") + "\0"s), "a PUBLISH without a topic"},
        {packet(0x30, text("a/#") + "\0"s), "a PUBLISH with wildcards in its topic"},
        {packet(0x30, text("+") + "\0"s), "a PUBLISH with wildcards in its topic"},
        {packet(0x30, text("\xc3\x28") + "\0"s), "a PUBLISH that holds text which is not UTF-8"},
        {packet(0x30, text("a\0b"s) + "\0"s), "a PUBLISH that holds text with NUL"},
        {packet(0x32, text("a") + "\0\0\0"s), "a PUBLISH with packet id 0"},
        {packet(0x30,
                "\xff\xff"
                "abc"),
         "a PUBLISH that is cut short"},
        {packet(0x30, text("a") + "\xff\x7f"), "a PUBLISH that is cut short"},
        {packet(0x40, "\0\0"s), "a PUBACK with packet id 0"},
        {packet(0x90, "\0\1\0"s), "a SUBACK that is cut short"},
        {packet(0x90, ""), "a SUBACK that is cut short"},
        {packet(0xd0, "x"), "a PINGRESP with bytes behind its end"},
        {packet(0x40, "\0\1\0\0x"s), "a PUBACK with bytes behind its end"},
        {packet(0xe0, "\0\0x"s), "a DISCONNECT with bytes behind its end"},
    };
    for (const auto& [bytes, problem] : bad)
        EXPECT_EQ(error_of(bytes), "the broker sent " + problem);
}

TEST(MqttFrames, RefuseLengthsThatAreTooLongOrNeedless) {
    EXPECT_EQ(error_of("\x30\xff\xff\xff\xff\x7f"),
              "the broker sent a PUBLISH that writes a length in more than four bytes");
    EXPECT_EQ(error_of("\x30\xff\xff\xff\xff"),
              "the broker sent a PUBLISH that writes a length in more than four bytes");
    EXPECT_EQ(error_of("\xd0\x80\0"s),
              "the broker sent a PINGRESP that writes a length in needless bytes");
    // 200 MB, of which not a byte came.
    EXPECT_EQ(error_of("\x30\x80\xc2\xd7\x5f"),
              "the broker sent a PUBLISH of 200663301 bytes, but 1000 were agreed on");
    const auto sized = [](std::size_t size) {
        return packet(0x30, text("a") + "\0"s + std::string(size - 7, 'x'));
    };
    EXPECT_EQ(after_connack(sized(limit)).passed, sized(limit));
    EXPECT_EQ(error_of(sized(limit + 1)),
              "the broker sent a PUBLISH of 1001 bytes, but 1000 were agreed on");
}

TEST(MqttFrames, LetThroughWhatCameBeforeABadPacket) {
    const auto good = packet(0x30, text("a") + "\0x"s);
    const auto outcome = after_connack(good + good + "\xff" + good);
    EXPECT_EQ(outcome.passed, good + good);
    EXPECT_NE(outcome.error, "");
}

TEST(MqttFrames, StopWhenNobodyWantsMore) {
    MqttFrames frames(limit);
    int calls = 0;
    const auto bytes = connack + packet(0xd0, "") + "\xd0"s;
    EXPECT_TRUE(frames.feed(as_bytes(bytes), [&calls](ByteSpan) {
        ++calls;
        return false;
    }));
    EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace strandline::net
