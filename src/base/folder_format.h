#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strandline {

/// Whose state folder it is and how it is laid out; kept in FOLDER/format.json.
struct FolderFormat {
    std::string program;
    int format = 1;
    std::string version;  ///< of the program that brought the folder to this format
    friend bool operator==(const FolderFormat&, const FolderFormat&) = default;
};

/// Empty when the folder says nothing: it is new, or of format 1, which had no such file.
[[nodiscard]] Result<std::optional<FolderFormat>> read_folder_format(
    const std::filesystem::path& folder);
[[nodiscard]] Status write_folder_format(const std::filesystem::path& folder,
                                         const FolderFormat& format);

/// `conflict` naming what to do when the folder is another program's, or of a format newer than
/// `newest`: a program never works on what it does not understand.
[[nodiscard]] Status check_folder_format(const std::filesystem::path& folder,
                                         const FolderFormat& found, std::string_view program,
                                         int newest);

}  // namespace strandline
