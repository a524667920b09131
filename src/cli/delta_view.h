#pragma once

#include <string>

#include "cli/context.h"
#include "delta/breakdown.h"
#include "delta/encode.h"
#include "delta/info.h"

// What the commands of `strandline delta` print.
namespace strandline::cli {

/// A delta that was just made.
struct MadeDelta {
    std::string file;
    delta::EncodeStats stats;
    double seconds = 0;     ///< that it took
    bool detailed = false;  ///< show what it is made of, too
};

/// `part` of `whole`, in percent; of nothing it is all.
[[nodiscard]] double percent(std::uint64_t part, std::uint64_t whole);

void show_made(const Context& context, const MadeDelta& made);
/// A file that a delta makes; `name` stands in front of its size and hash.
void show_result(const Context& context, const std::string& name, const delta::DeltaInfo& info);
void show_info(const Context& context, const delta::DeltaInfo& info,
               const delta::Breakdown& breakdown);

}  // namespace strandline::cli
