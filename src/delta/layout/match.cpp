#include <algorithm>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "delta/layout/match_side.h"
#include "delta/layout/reader.h"

namespace strandline::delta {
namespace {

using Indexes = std::vector<std::size_t>;

/// Signs that are looked at for each tensor; fewer in files of very many tensors, which bounds the
/// memory for all of them to 16 MiB.
constexpr std::uint64_t many_samples = 4096;
constexpr std::uint64_t few_samples = 512;
constexpr std::size_t many_tensors = 8192;
/// Tensors of one shape that are compared with a new one, those nearest in the order of the file.
constexpr std::size_t max_candidates = 64;
constexpr std::size_t max_permuted_candidates = 16;
/// No other candidate can be much better.
constexpr double surely_related = 0.97;
/// Agreement that says more than a common name.
constexpr double beyond_a_name = 0.85;
/// Looks at numbers for all permutations of a file together.
constexpr std::uint64_t permutation_budget = std::uint64_t{1} << 24;

/// Tensors that could stand for each other: those of a shape, of a shape and a type, or of as many
/// numbers of a type.
using Key = std::pair<std::vector<std::uint64_t>, int>;
constexpr int any_type = -1;

class Matcher {
public:
    Matcher(const Layout& old_layout, ByteSpan old_file, const Layout& new_layout,
            ByteSpan new_file, WorkMeter& meter)
        : old_(old_layout, old_file, samples_for(old_layout, new_layout)),
          new_(new_layout, new_file, samples_for(old_layout, new_layout)),
          matches_(new_.size()),
          taken_(old_.size()),
          namesakes_(new_.size()),
          meter_(meter) {
        for (std::size_t i = 0; i < matches_.size(); ++i) matches_[i].new_tensor = i;
        find_namesakes();
    }

    std::vector<TensorMatch> run() {
        match_equal_namesakes();
        match_equal();
        if (meter_.stopped()) return std::move(matches_);
        const auto cast = [](const MatchSide& side, std::size_t i) {
            return Key{side.squeezed_shape(i), any_type};
        };
        match_related_namesakes(cast);
        match_related([](const MatchSide& side, std::size_t i) {
            return Key{side.squeezed_shape(i), static_cast<int>(side.tensor(i).type)};
        });
        match_related(cast);
        match_permuted();
        match_reshaped();
        match_other_namesakes();
        match_by_place();
        find_folded_norms(old_, new_, matches_);
        return std::move(matches_);
    }

private:
    static std::uint64_t samples_for(const Layout& a, const Layout& b) {
        const auto most = std::max(a.tensors.size(), b.tensors.size());
        return most > many_tensors ? few_samples : many_samples;
    }

    [[nodiscard]] bool is_open(std::size_t i) const {
        return matches_[i].relation == Relation::none;
    }

    void set(std::size_t new_tensor, std::size_t old_tensor, Relation relation) {
        matches_[new_tensor].old_tensor = old_tensor;
        matches_[new_tensor].relation = relation;
        taken_[old_tensor] = true;
    }

    /// Of a name that occurs more than once, the first goes with the first and so on.
    void find_namesakes() {
        std::unordered_map<std::string_view, Indexes> by_name;
        for (std::size_t i = 0; i < old_.size(); ++i) by_name[old_.tensor(i).name].push_back(i);
        std::unordered_map<std::string_view, std::size_t> used;
        for (std::size_t i = 0; i < new_.size(); ++i) {
            const std::string_view name = new_.tensor(i).name;
            const auto found = by_name.find(name);
            if (name.empty() || found == by_name.end()) continue;
            const auto turn = used[name]++;
            if (turn < found->second.size()) namesakes_[i] = found->second[turn];
        }
    }

    /// Piece by piece; differences mostly show at once.
    [[nodiscard]] bool equal(ByteSpan a, ByteSpan b) {
        if (a.size() != b.size()) return false;
        while (a.size() > metered_bytes) {
            if (!same_bytes(a.first(metered_bytes), b.first(metered_bytes))) return false;
            if (!meter_.done(metered_bytes)) return false;
            a = a.subspan(metered_bytes);
            b = b.subspan(metered_bytes);
        }
        return same_bytes(a, b) && meter_.done(a.size());
    }

    void match_equal_namesakes() {
        for (std::size_t i = 0; i < new_.size(); ++i) {
            if (!namesakes_[i]) continue;
            const auto a = old_.bytes(*namesakes_[i]);
            const auto b = new_.bytes(i);
            if (equal(a, b)) set(i, *namesakes_[i], Relation::equal);
            if (meter_.stopped()) return;
        }
    }

    /// Moved and duplicated tensors. Only those whose fingerprints occur are read as a whole.
    void match_equal() {
        std::unordered_map<std::uint64_t, Indexes> by_fingerprint;
        for (std::size_t i = 0; i < old_.size(); ++i) {
            by_fingerprint[old_.fingerprint(i)].push_back(i);
        }
        struct Equals {
            Indexes tensors;
            std::size_t next = 0;
        };
        std::unordered_map<std::uint64_t, Equals> by_hash;
        for (std::size_t i = 0; i < new_.size(); ++i) {
            if (!is_open(i)) continue;
            const auto group = by_fingerprint.find(new_.fingerprint(i));
            if (group == by_fingerprint.end()) continue;
            for (const auto other : std::exchange(group->second, {})) {
                by_hash[old_.hash(other)].tensors.push_back(other);
                if (!meter_.done(old_.tensor(other).bytes)) return;
            }
            const auto equals = by_hash.find(new_.hash(i));
            if (equals == by_hash.end()) continue;
            // One after the other, so that equal tables go to equal tables in their order.
            auto& [tensors, next] = equals->second;
            const auto other = tensors[next++ % tensors.size()];
            if (equal(old_.bytes(other), new_.bytes(i))) set(i, other, Relation::equal);
            if (meter_.stopped()) return;
        }
    }

    [[nodiscard]] bool are_numbers(std::size_t old_tensor, std::size_t new_tensor) const {
        return old_.tensor(old_tensor).type != ElementType::opaque &&
               new_.tensor(new_tensor).type != ElementType::opaque;
    }

    template <class KeyOf>
    void match_related_namesakes(KeyOf key_of) {
        for (std::size_t i = 0; i < new_.size(); ++i) {
            if (!is_open(i) || !namesakes_[i] || !are_numbers(*namesakes_[i], i) ||
                key_of(old_, *namesakes_[i]) != key_of(new_, i))
                continue;
            if (agreement(old_.signs(*namesakes_[i]), new_.signs(i)).related()) {
                set(i, *namesakes_[i], Relation::related);
            }
        }
    }

    /// The tensors that are left, by key.
    struct Group {
        Indexes old_tensors;
        Indexes new_tensors;
    };
    template <class KeyOf>
    [[nodiscard]] std::map<Key, Group> groups(KeyOf key_of) const {
        std::map<Key, Group> result;
        for (std::size_t i = 0; i < new_.size(); ++i) {
            if (is_open(i)) result[key_of(new_, i)].new_tensors.push_back(i);
        }
        for (std::size_t i = 0; i < old_.size(); ++i) {
            if (taken_[i]) continue;
            const auto found = result.find(key_of(old_, i));
            if (found != result.end()) found->second.old_tensors.push_back(i);
        }
        return result;
    }

    /// Calls `look` for old tensors of the group, those first that stand where the new one (the
    /// `place`th of the group) stands, until it returns true or `most` were looked at.
    template <class Look>
    static void nearest(const Group& group, std::size_t place, std::size_t most, Look look) {
        const auto& all = group.old_tensors;
        if (all.empty()) return;
        const std::size_t centre = place * all.size() / group.new_tensors.size();
        for (std::size_t step = 0; step < std::min(2 * all.size(), most); ++step) {
            const std::size_t distance = (step + 1) / 2;
            const bool behind = step % 2 == 0;
            if (behind ? distance >= all.size() - centre : distance > centre) continue;
            if (look(all[behind ? centre + distance : centre - distance])) return;
        }
    }

    template <class KeyOf>
    void match_related(KeyOf key_of) {
        for (const auto& [key, group] : groups(key_of)) {
            for (std::size_t place = 0; place < group.new_tensors.size(); ++place) {
                find_related(group, place);
            }
        }
    }

    void find_related(const Group& group, std::size_t place) {
        const auto i = group.new_tensors[place];
        std::optional<std::size_t> best;
        // Biases of different layers are often somewhat alike; a name is better than that.
        double best_share = has_free_namesake(i) ? beyond_a_name : 0;
        nearest(group, place, max_candidates, [&](std::size_t other) {
            if (taken_[other] || !are_numbers(other, i)) return false;
            const auto found = agreement(old_.signs(other), new_.signs(i));
            if (!found.related() || found.share() <= best_share) return false;
            best = other;
            best_share = found.share();
            return best_share > surely_related;
        });
        if (best) set(i, *best, Relation::related);
    }

    /// The same numbers in the same order, in rows of another length.
    void match_reshaped() {
        const auto reshaped = [](const MatchSide& side, std::size_t i) {
            return Key{{side.elements(i)}, static_cast<int>(side.tensor(i).type)};
        };
        match_related_namesakes(reshaped);
        match_related(reshaped);
    }

    void match_permuted() {
        std::uint64_t budget = permutation_budget;
        const auto by_axes = groups([](const MatchSide& side, std::size_t i) {
            auto axes = side.tensor(i).shape;
            std::ranges::sort(axes);
            return Key{std::move(axes), any_type};
        });
        for (const auto& [key, group] : by_axes) {
            for (std::size_t place = 0; place < group.new_tensors.size(); ++place) {
                find_permuted(group, place, budget);
            }
        }
    }

    void find_permuted(const Group& group, std::size_t place, std::uint64_t& budget) {
        const auto i = group.new_tensors[place];
        if (new_.tensor(i).type == ElementType::opaque) return;
        std::optional<std::size_t> best;
        PermutedMatch best_match;
        const auto look = [&](std::size_t other) {
            if (taken_[other] || old_.tensor(other).type == ElementType::opaque) return false;
            auto found = best_permutation(old_, other, new_, i, budget);
            if (!found || found->agreement.share() <= best_match.agreement.share()) return false;
            best = other;
            best_match = std::move(*found);
            return best_match.agreement.share() > surely_related;
        };
        const bool found = namesakes_[i] && old_.elements(*namesakes_[i]) == new_.elements(i) &&
                           look(*namesakes_[i]);
        if (!found) nearest(group, place, max_permuted_candidates, look);
        if (!best) return;
        set(i, *best, Relation::related);
        matches_[i].permutation = std::move(best_match.permutation);
    }

    [[nodiscard]] bool has_free_namesake(std::size_t new_tensor) const {
        const auto namesake = namesakes_[new_tensor];
        return namesake && !taken_[*namesake] && same_kind(*namesake, new_tensor);
    }

    [[nodiscard]] bool same_kind(std::size_t old_tensor, std::size_t new_tensor) const {
        return old_.tensor(old_tensor).type == new_.tensor(new_tensor).type &&
               old_.squeezed_shape(old_tensor) == new_.squeezed_shape(new_tensor);
    }

    void match_other_namesakes() {
        for (std::size_t i = 0; i < new_.size(); ++i) {
            if (!is_open(i) || !namesakes_[i] || !same_kind(*namesakes_[i], i)) continue;
            set(i, *namesakes_[i], Relation::candidate);
        }
    }

    /// When as many tensors of a kind are left in both files, their order is the best guess.
    void match_by_place() {
        const auto left = groups([](const MatchSide& side, std::size_t i) {
            return Key{side.squeezed_shape(i), static_cast<int>(side.tensor(i).type)};
        });
        for (const auto& [key, group] : left) {
            if (group.old_tensors.size() != group.new_tensors.size()) continue;
            for (std::size_t i = 0; i < group.new_tensors.size(); ++i) {
                set(group.new_tensors[i], group.old_tensors[i], Relation::candidate);
            }
        }
    }

    MatchSide old_;
    MatchSide new_;
    std::vector<TensorMatch> matches_;
    std::vector<bool> taken_;
    std::vector<std::optional<std::size_t>> namesakes_;
    WorkMeter& meter_;
};

}  // namespace

std::vector<TensorMatch> match_tensors(const Layout& old_layout, ByteSpan old_file,
                                       const Layout& new_layout, ByteSpan new_file) {
    WorkMeter meter;
    return match_tensors(old_layout, old_file, new_layout, new_file, meter);
}

std::vector<TensorMatch> match_tensors(const Layout& old_layout, ByteSpan old_file,
                                       const Layout& new_layout, ByteSpan new_file,
                                       WorkMeter& meter) {
    return Matcher(old_layout, old_file, new_layout, new_file, meter).run();
}

}  // namespace strandline::delta
