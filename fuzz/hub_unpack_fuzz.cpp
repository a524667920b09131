// Archives of the older platform. Whatever is inside, the names that come out are paths inside a
// bundle, and no more bytes come out than were allowed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include "base/file.h"
#include "base/ids.h"
#include "hub/legacy/unpack.h"

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t max_bytes = 64 * 1024;

/// A folder in memory, removed at the end of the program.
class Folder {
public:
    Folder()
        : path_(fs::temp_directory_path() / ("strandline-fuzz-" + std::to_string(::getpid()))) {
        fs::create_directories(path_);
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto archive = folder.path() / "input.zip";
    const auto store = strandline::store::BlobStore::open(folder.path() / "store");
    STRANDLINE_ASSERT(store.has_value());
    {
        auto file = strandline::open_file(archive, O_WRONLY | O_CREAT | O_TRUNC);
        STRANDLINE_ASSERT(file.has_value());
        STRANDLINE_ASSERT(
            strandline::write_all(file->get(), std::as_bytes(std::span(data, size))).has_value());
    }
    const auto files = strandline::hub::unpack_zip(archive, **store, {16, max_bytes, 50});
    std::uint64_t total = 0;
    if (files) {
        STRANDLINE_ASSERT(!files->empty() && files->size() <= 16);
        for (const auto& file : *files) {
            STRANDLINE_ASSERT(strandline::check_bundle_path(file.path).has_value());
            total += (*store)->stat(file.sha256).value().size;
        }
    }
    STRANDLINE_ASSERT(total <= max_bytes);
    fs::remove_all(folder.path() / "store");
    return 0;
}
