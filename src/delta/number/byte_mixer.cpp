#include "delta/number/byte_mixer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace strandline::delta::number {
namespace {

constexpr std::int32_t longest = 2047;  // logit, in 1/256
constexpr std::uint16_t most_seen = 255;

// 65536 / (1 + e^-x) for x = -8, -7.5, ... 8.
constexpr std::array<std::int32_t, 33> squash_table{
    22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
    4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
    62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};

std::int32_t squash(std::int32_t x) {
    const std::int32_t shifted = std::clamp(x, -longest, longest) + 2048;
    const auto step = static_cast<std::size_t>(shifted >> 7);
    const std::int32_t part = shifted & 127;
    return (squash_table[step] * (128 - part) + squash_table[step + 1] * part) >> 7;
}

// 16 classes of mean distances in 1/64, about two for each power of two.
unsigned level_of(std::uint32_t mean) {
    const std::uint32_t value = mean + 32;
    const auto length = static_cast<unsigned>(std::bit_width(value));
    const unsigned half = value >> (length - 2) & 1;
    return std::min(2 * (length - 6) + half, 15u);
}

// Rate of learning by how often a slot was used: about that of a plain mean, and at least 1/256.
constexpr std::array<std::uint16_t, most_seen + 1> rates = [] {
    std::array<std::uint16_t, most_seen + 1> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i)
        table[i] = static_cast<std::uint16_t>(2 * 65536 / (2 * i + 5));
    return table;
}();

// Binary arithmetic coding: the range [low, high] of 32 bits shrinks, and equal first bytes go out.
struct Writer {
    Bytes* out;
    std::uint32_t low = 0;
    std::uint32_t high = 0xffffffff;

    unsigned operator()(unsigned bit, std::uint32_t one) {
        const std::uint32_t middle =
            low + static_cast<std::uint32_t>(std::uint64_t{high - low} * one >> 16);
        (bit != 0 ? high : low) = bit != 0 ? middle : middle + 1;
        while (((low ^ high) >> 24) == 0) {
            out->push_back(static_cast<std::byte>(high >> 24));
            low <<= 8;
            high = high << 8 | 255;
        }
        return bit;
    }
    void finish() {
        for (int shift = 24; shift >= 0; shift -= 8)
            out->push_back(static_cast<std::byte>(low >> shift & 255));
    }
};

struct Reader {
    ByteSpan in;
    std::size_t at = 0;
    std::uint32_t low = 0;
    std::uint32_t high = 0xffffffff;
    std::uint32_t code = 0;

    explicit Reader(ByteSpan stream) : in(stream) {
        for (int i = 0; i < 4; ++i) code = code << 8 | next();
    }
    // Zeros behind the end, which is seen by `at` afterwards.
    std::uint32_t next() {
        const std::uint32_t value = at < in.size() ? static_cast<std::uint32_t>(in[at]) : 0;
        ++at;
        return value;
    }
    unsigned operator()(unsigned /*bit*/, std::uint32_t one) {
        const std::uint32_t middle =
            low + static_cast<std::uint32_t>(std::uint64_t{high - low} * one >> 16);
        const unsigned bit = code <= middle ? 1 : 0;
        (bit != 0 ? high : low) = bit != 0 ? middle : middle + 1;
        while (((low ^ high) >> 24) == 0) {
            low <<= 8;
            high = high << 8 | 255;
            code = code << 8 | next();
        }
        return bit;
    }
};

}  // namespace

ByteMixer::ByteMixer() : stretched_(4096), slots_(inputs * levels * nodes), weights_(8 * inputs) {
    std::int32_t x = -longest;
    for (std::int32_t i = 0; i < 4096; ++i) {
        while (x < longest && squash(x) >> 4 < i) ++x;
        stretched_[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(x);
    }
}

void ByteMixer::reset(const ByteGrid& grid) {
    grid_ = grid;
    slots_.assign(slots_.size(), {});
    weights_.assign(weights_.size(), (1 << 16) / 6);
    row_.assign(grid.columns, 128);
    column_.assign(grid.columns, 16 * 64);
    place_ = 0;
    bits_ = 0;
    left_ = before_left_ = 128;
    near_ = far_ = 16 * 64;
}

void ByteMixer::set_contexts(std::size_t at) {
    const unsigned up = row_[place_];
    const unsigned mean = (left_ + up + 1) / 2;
    const unsigned old = grid_.old.empty()
                             ? before_left_
                             : (static_cast<unsigned>(grid_.old[at]) + 128u - grid_.centre) & 255;
    const std::array<unsigned, inputs> context{
        0,
        left_ >> 4,
        up >> 4,
        old >> 4,
        level_of((near_ + far_) / 2),
        level_of((column_[place_] + far_) / 2),
        std::min(mean > 64 ? (mean - 64) / 8 : 0, 15u),
    };
    for (std::size_t i = 0; i < inputs; ++i) base_[i] = (i * levels + context[i]) * nodes;
}

std::uint32_t ByteMixer::expect(unsigned node) {
    const std::int32_t* weights =
        &weights_[(static_cast<std::size_t>(std::bit_width(node)) - 1) * inputs];
    std::int64_t sum = 0;
    const std::uint16_t plain = slots_[base_[0] + node].one;
    for (std::size_t i = 0; i < inputs; ++i) {
        // What a context does not know yet is best told by all numbers together.
        if (slots_[base_[i] + node].seen == 0) slots_[base_[i] + node].one = plain;
        input_[i] = stretched_[slots_[base_[i] + node].one >> 4];
        sum += std::int64_t{input_[i]} * weights[i];
    }
    const auto mixed =
        static_cast<std::int32_t>(std::clamp<std::int64_t>(sum >> 16, -longest, longest));
    return static_cast<std::uint32_t>(squash(mixed));
}

void ByteMixer::update(unsigned node, unsigned bit, std::uint32_t expected) {
    std::int32_t* weights =
        &weights_[(static_cast<std::size_t>(std::bit_width(node)) - 1) * inputs];
    const std::int32_t error =
        static_cast<std::int32_t>(bit << 16) - static_cast<std::int32_t>(expected);
    const unsigned shift = bits_ < 8192 ? 15 : 16;
    for (std::size_t i = 0; i < inputs; ++i) {
        const std::int64_t step =
            (std::int64_t{input_[i]} * error + (std::int64_t{1} << shift >> 1)) >> shift;
        weights[i] = static_cast<std::int32_t>(
            std::clamp<std::int64_t>(weights[i] + step, -(1 << 20), 1 << 20));
        Slot& slot = slots_[base_[i] + node];
        const std::int32_t target = bit != 0 ? 65535 : 0;
        const std::int64_t way = std::int64_t{target - slot.one} * rates[slot.seen];
        slot.one = static_cast<std::uint16_t>(slot.one + (way >> 16));
        slot.seen = static_cast<std::uint16_t>(slot.seen + (slot.seen < most_seen ? 1 : 0));
    }
    ++bits_;
}

void ByteMixer::learn(unsigned value) {
    const auto distance = static_cast<std::uint32_t>(std::abs(static_cast<int>(value) - 128)) * 64;
    const auto follow = [distance](std::uint32_t mean, unsigned shift) {
        const auto change = static_cast<std::int32_t>(distance) - static_cast<std::int32_t>(mean);
        return static_cast<std::uint32_t>(static_cast<std::int32_t>(mean) + (change >> shift));
    };
    near_ = follow(near_, 3);
    far_ = follow(far_, 6);
    column_[place_] = static_cast<std::uint16_t>(follow(column_[place_], 2));
    row_[place_] = static_cast<std::uint8_t>(value);
    before_left_ = left_;
    left_ = value;
    if (++place_ == grid_.columns) place_ = 0;
}

template <class Code>
void ByteMixer::code_byte(std::size_t at, unsigned value, Code& code) {
    set_contexts(at);
    unsigned node = 1;
    for (int shift = 7; shift >= 0; --shift) {
        const std::uint32_t expected = expect(node);
        const unsigned bit = code(value >> shift & 1, expected);
        update(node, bit, expected);
        node = node << 1 | bit;
    }
    learn(node & 255);
}

void ByteMixer::encode(ByteSpan bytes, const ByteGrid& grid, Bytes& out) {
    reset(grid);
    Writer writer{&out};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        code_byte(i, (static_cast<unsigned>(bytes[i]) + 128u - grid.centre) & 255, writer);
    }
    writer.finish();
}

Status ByteMixer::decode(ByteSpan stream, const ByteGrid& grid, std::span<std::byte> bytes) {
    reset(grid);
    Reader reader(stream);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        code_byte(i, 0, reader);
        bytes[i] = static_cast<std::byte>((left_ + 128u + grid.centre) & 255);
    }
    if (reader.at != stream.size()) return fail(Errc::corrupt, "delta has damaged bytes");
    return {};
}

}  // namespace strandline::delta::number
