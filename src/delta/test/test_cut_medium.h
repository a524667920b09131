#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "base/bytes.h"
#include "delta/io.h"

// A medium whose power is cut, for tests of what must survive that.
namespace strandline::delta {

/// Two files that lose their power together, after a given number of changes.
class CutMedium {
public:
    /// What the cut leaves of what was written since the last sync().
    enum class Loss : std::uint8_t {
        none,  ///< all of it, as when only the program is killed
        all,   ///< nothing
        some,  ///< some of it, in pieces of a sector
    };

    class File final : public DurableFile {
    public:
        File(CutMedium& medium, Bytes bytes) : medium_(&medium), now_(bytes), kept_(bytes) {}

        [[nodiscard]] std::uint64_t size() const override { return now_.size(); }
        [[nodiscard]] Status read_at(std::uint64_t offset,
                                     std::span<std::byte> out) const override {
            return MemoryReader(now_).read_at(offset, out);
        }
        [[nodiscard]] Status write_at(std::uint64_t offset, ByteSpan bytes) override {
            const auto step = medium_->step();
            // The write that is cut was half done.
            const auto part =
                step ? bytes : bytes.first(medium_->fails_now_ ? bytes.size() / 2 : 0);
            if (!part.empty()) {
                changes_.push_back({offset, Bytes(part.begin(), part.end()), std::nullopt});
                carry_out(changes_.back(), now_);
            }
            return step;
        }
        [[nodiscard]] Status truncate(std::uint64_t size) override {
            TRY(medium_->step());
            return resize(size);
        }
        [[nodiscard]] Status allocate(std::uint64_t size) override {
            TRY(medium_->step());
            if (size > now_.size() && size - now_.size() > medium_->room_)
                return fail(Errc::exhausted, "no room");
            if (size > now_.size()) return resize(size);
            return {};
        }
        [[nodiscard]] Status sync() override {
            TRY(medium_->step());
            kept_ = now_;
            changes_.clear();
            return {};
        }

        [[nodiscard]] const Bytes& bytes() const { return now_; }
        void damage(std::uint64_t at) {
            now_[at] ^= std::byte{1};
            kept_ = now_;
        }

    private:
        friend class CutMedium;
        struct Change {
            std::uint64_t offset = 0;
            Bytes bytes;
            std::optional<std::uint64_t> new_size;
        };

        Status resize(std::uint64_t size) {
            changes_.push_back({0, {}, size});
            carry_out(changes_.back(), now_);
            return {};
        }
        static void carry_out(const Change& change, Bytes& bytes) {
            if (change.new_size) return bytes.resize(*change.new_size);
            bytes.resize(std::max(bytes.size(), change.offset + change.bytes.size()));
            std::ranges::copy(change.bytes,
                              bytes.begin() + static_cast<std::ptrdiff_t>(change.offset));
        }
        void lose(Loss loss, std::mt19937_64& random) {
            if (loss == Loss::all) now_ = kept_;
            if (loss == Loss::some) {
                now_ = kept_;
                for (const auto& change : changes_) keep_some(change, random);
            }
            kept_ = now_;
            changes_.clear();
        }
        void keep_some(const Change& change, std::mt19937_64& random) {
            constexpr std::size_t sector_bytes = 512;
            if (change.new_size) {
                if (random() % 2 == 0) carry_out(change, now_);
                return;
            }
            for (std::size_t at = 0; at < change.bytes.size(); at += sector_bytes) {
                if (random() % 2 == 0) continue;
                const auto end =
                    change.bytes.begin() +
                    static_cast<std::ptrdiff_t>(std::min(at + sector_bytes, change.bytes.size()));
                carry_out({change.offset + at,
                           Bytes(change.bytes.begin() + static_cast<std::ptrdiff_t>(at), end),
                           std::nullopt},
                          now_);
            }
        }

        CutMedium* medium_;
        Bytes now_;   // as a program sees it
        Bytes kept_;  // as of the last sync
        std::vector<Change> changes_;
    };

    CutMedium(const Bytes& file_bytes, const Bytes& journal_bytes)
        : file(*this, file_bytes), journal(*this, journal_bytes) {}
    CutMedium(const CutMedium&) = delete;
    CutMedium& operator=(const CutMedium&) = delete;

    /// After so many more changes everything fails, until power_up().
    void cut_after(std::uint64_t steps) { steps_left_ = steps; }
    [[nodiscard]] bool is_cut() const { return steps_left_ == 0; }
    void power_up(Loss loss, std::uint64_t seed) {
        std::mt19937_64 random(seed);
        file.lose(loss, random);
        journal.lose(loss, random);
        steps_left_ = UINT64_MAX;
    }
    /// Bytes that each file may grow by at a time.
    void set_room(std::uint64_t bytes) { room_ = bytes; }

    File file;
    File journal;

private:
    Status step() {
        fails_now_ = steps_left_ == 1;
        if (steps_left_ > 0) --steps_left_;
        if (steps_left_ == 0) return fail(Errc::unavailable, "the power is cut");
        return {};
    }

    std::uint64_t steps_left_ = UINT64_MAX;
    bool fails_now_ = false;  // at this step, not at an earlier one
    std::uint64_t room_ = UINT64_MAX;
};

}  // namespace strandline::delta
