#include "delta/encode/mode_planner.h"

#include <algorithm>
#include <limits>

namespace strandline::delta {
namespace {

// A cell has one mode. A multiple of every word size, so that `skip` means the same in all cells.
constexpr std::uint64_t cell_bytes = 16u << 10;
// Of larger files only every eighth cell is looked at with every candidate.
constexpr std::uint64_t probe_distance = 8;
// Another run costs its record and new Huffman tables (about 100 bytes a plane).
constexpr double switch_cost = 300;

constexpr double impossible = std::numeric_limits<double>::infinity();

void add_modes(std::vector<Candidate>& out, Transform transform, std::uint64_t shift) {
    for (std::uint8_t word_log = 0; word_log <= 2; ++word_log) {
        // The XOR of single bytes is never better than their difference.
        if (word_log == 0 && transform == Transform::exclusive) continue;
        for (std::uint8_t skip = 0; skip < 1u << word_log; ++skip) {
            out.push_back({{word_log, transform, skip}, shift});
        }
    }
}

std::vector<Candidate> all_candidates(const std::vector<std::uint64_t>& shifts) {
    std::vector<Candidate> all;
    add_modes(all, Transform::none, 0);
    for (const auto shift : shifts) {
        add_modes(all, Transform::exclusive, shift);
        add_modes(all, Transform::difference, shift);
    }
    return all;
}

std::size_t index_of_smallest(const std::vector<double>& costs) {
    return static_cast<std::size_t>(std::ranges::min_element(costs) - costs.begin());
}

// Cheapest choice of one candidate per cell when a change costs switch_cost (Viterbi).
std::vector<std::size_t> cheapest_path(const std::vector<std::vector<double>>& costs) {
    const std::size_t count = costs[0].size();
    std::vector<std::vector<std::size_t>> came_from;
    std::vector<double> total(count, 0);
    for (const auto& cell : costs) {
        const std::size_t best = index_of_smallest(total);
        const double switched = total[best] + switch_cost;
        auto& from = came_from.emplace_back(count);
        for (std::size_t i = 0; i < count; ++i) {
            from[i] = total[i] <= switched ? i : best;
            total[i] = std::min(total[i], switched) + cell[i];
        }
    }
    std::vector<std::size_t> path(costs.size());
    std::size_t at = index_of_smallest(total);
    for (std::size_t cell = costs.size(); cell-- > 0;) {
        path[cell] = at;
        at = came_from[cell][at];
    }
    return path;
}

}  // namespace

std::vector<Run> ModePlanner::plan(std::uint64_t begin, std::uint64_t end,
                                   const std::vector<std::uint64_t>& shifts) {
    const auto candidates = promising(begin, end, shifts);
    Costs costs;
    for (auto cell = begin; cell < end; cell += cell_bytes) {
        auto& row = costs.emplace_back();
        for (const auto& candidate : candidates) {
            row.push_back(cell_cost(cell, std::min(cell + cell_bytes, end), candidate));
        }
    }
    std::vector<Run> runs;
    auto cell = begin;
    for (const auto chosen : cheapest_path(costs)) {
        const auto cell_end = std::min(cell + cell_bytes, end);
        if (!runs.empty() && runs.back().candidate == candidates[chosen]) {
            runs.back().end = cell_end;
        } else {
            runs.push_back({cell, cell_end, candidates[chosen]});
        }
        cell = cell_end;
    }
    return runs;
}

double ModePlanner::cell_cost(std::uint64_t begin, std::uint64_t end, const Candidate& candidate) {
    const std::uint64_t length = end - begin;
    const auto block = new_file_.subspan(begin, length);
    if (candidate.mode.transform == Transform::none)
        return estimator_.estimate(block, {}, candidate.mode);
    const std::uint64_t old_begin = begin + candidate.shift;
    if (!lies_within({old_begin, length}, at_hand_)) return impossible;
    return estimator_.estimate(block, old_file_.subspan(old_begin, length), candidate.mode);
}

// The candidates that are best for some cell that was looked at; plain bytes are always there, as
// they are possible everywhere.
std::vector<Candidate> ModePlanner::promising(std::uint64_t begin, std::uint64_t end,
                                              const std::vector<std::uint64_t>& shifts) {
    const auto all = all_candidates(shifts);
    std::vector<bool> wanted(all.size(), false);
    wanted[0] = true;
    const std::uint64_t distance = thorough_ ? cell_bytes : cell_bytes * probe_distance;
    for (auto cell = begin; cell < end; cell += distance) {
        std::vector<double> costs;
        costs.reserve(all.size());
        for (const auto& candidate : all) {
            costs.push_back(cell_cost(cell, std::min(cell + cell_bytes, end), candidate));
        }
        wanted[index_of_smallest(costs)] = true;
    }
    std::vector<Candidate> kept;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (wanted[i]) kept.push_back(all[i]);
    }
    return kept;
}

}  // namespace strandline::delta
