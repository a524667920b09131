#pragma once

#include <functional>
#include <string>

#include "hub/legacy/legacy_form.h"
#include "hub/services.h"

namespace strandline::hub {

/// The answer to a bad form in the manner of Django REST framework: a problem per field.
using FieldProblems = std::map<std::string, std::string>;

struct LegacyResult {
    registry::LegacyFile file = {};
    FieldProblems problems = {};  ///< when not empty, nothing was stored
    bool created = false;
};

/// Uploads of the older platform: each becomes a row and, when it holds an ONNX model, a release on
/// channel `latest` that devices update to like to any other. Thread-safe; blocks.
class LegacyUploads {
public:
    /// `announce` is called for each new document.
    LegacyUploads(Services& services, std::function<void(const registry::LegacyFile&)> announce)
        : services_(&services), announce_(std::move(announce)) {}

    /// The same title and version with the same bytes gives the stored row again and announces it
    /// again; with other bytes it is a problem of the field `version`.
    [[nodiscard]] Result<LegacyResult> create(LegacyForm& form);
    /// `partial`: fields that are absent keep their value.
    [[nodiscard]] Result<LegacyResult> update(std::int64_t id, LegacyForm& form, bool partial);

private:
    [[nodiscard]] Result<LegacyResult> store_new(const registry::LegacyFile& file);
    [[nodiscard]] Result<std::string> make_release(const registry::LegacyFile& file);

    Services* services_;
    std::function<void(const registry::LegacyFile&)> announce_;
};

}  // namespace strandline::hub
