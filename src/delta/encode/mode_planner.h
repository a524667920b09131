#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "delta/coder/planes_coder.h"
#include "delta/format/old_access.h"

namespace strandline::delta {

/// Cost of plane modes without coding: the entropy of a sample of each plane. Not thread-safe.
class PlaneEstimator {
public:
    PlaneEstimator();
    /// Bytes that `block` is likely to take; `old` as for encode_planes.
    [[nodiscard]] double estimate(ByteSpan block, ByteSpan old, const PlaneMode& mode);

private:
    [[nodiscard]] double plane_bits(const std::uint32_t* counts, std::size_t samples) const;

    std::vector<double> n_log_n_;
    std::vector<std::uint32_t> counts_;
};

/// A plane mode and where its old bytes are: `shift` is old offset minus new offset, modulo 2^64.
struct Candidate {
    PlaneMode mode;
    std::uint64_t shift = 0;

    friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// A stretch of the new file for one candidate.
struct Run {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    Candidate candidate;
};

/// Cuts blocks into runs: finds out what kind of numbers are where, and at which shift their old
/// values are, without knowing the container.
class ModePlanner {
public:
    /// Both are borrowed. With `thorough` every cell is looked at with every candidate.
    ModePlanner(ByteSpan old_file, ByteSpan new_file, bool thorough)
        : old_file_(old_file), new_file_(new_file), thorough_(thorough) {}

    /// What there is of the old file.
    void set_at_hand(const OldRange& at_hand) { at_hand_ = at_hand; }

    /// Runs that cover [begin, end), fewer than one in 16 KiB.
    [[nodiscard]] std::vector<Run> plan(std::uint64_t begin, std::uint64_t end,
                                        const std::vector<std::uint64_t>& shifts);

private:
    using Costs = std::vector<std::vector<double>>;  // [cell][candidate]

    [[nodiscard]] double cell_cost(std::uint64_t begin, std::uint64_t end,
                                   const Candidate& candidate);
    [[nodiscard]] std::vector<Candidate> promising(std::uint64_t begin, std::uint64_t end,
                                                   const std::vector<std::uint64_t>& shifts);

    ByteSpan old_file_;
    ByteSpan new_file_;
    bool thorough_;
    OldRange at_hand_{0, old_file_.size()};
    PlaneEstimator estimator_;
};

}  // namespace strandline::delta
