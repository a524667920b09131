#include <filesystem>
#include <unistd.h>

#include "delta/file/durable_file.h"
#include "delta/files.h"
#include "delta/in_place.h"

namespace strandline::delta {

Result<DeltaInfo> apply_delta_in_place(const std::filesystem::path& file,
                                       const std::filesystem::path& patch,
                                       const std::filesystem::path& journal,
                                       const ApplyOptions& options) {
    TRY(const auto patch_reader, FileReader::open(patch));
    TRY(auto target, DiskFile::open(file, DiskFile::Missing::fail));
    std::error_code missing;
    for (const auto& other : {file, patch}) {
        if (std::filesystem::equivalent(journal, other, missing))
            return fail(Errc::invalid, "this file cannot be the journal: " + journal.string());
    }
    TRY(auto journal_file, DiskFile::open(journal, DiskFile::Missing::create));
    auto info = apply_in_place(target, journal_file, patch_reader, options);
    // An empty one has nothing to tell; if its name comes back after a power cut, it still is
    // empty.
    if (journal_file.size() == 0) ::unlink(journal.c_str());
    return info;
}

}  // namespace strandline::delta
