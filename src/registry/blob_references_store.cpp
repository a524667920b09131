#include "registry/blob_references.h"

namespace strandline::registry {
namespace {

using store::Transaction;

}  // namespace

Result<bool> BlobReferences::is_release_file(const Sha256Digest& digest) const {
    return database_->read<bool>([&](Transaction& t) -> Result<bool> {
        TRY(const auto row,
            t.query_one("SELECT 1 FROM release_files WHERE sha256 = :1 LIMIT 1", {digest.hex()}));
        return row.has_value();
    });
}

Result<std::vector<Sha256Digest>> BlobReferences::all() const {
    TRY(const auto rows, database_->read<std::vector<store::Row>>([](Transaction& t) {
        return t.query(
            "SELECT sha256 FROM release_files UNION "
            "SELECT delta FROM delta_jobs WHERE delta IS NOT NULL UNION "
            "SELECT sha256 FROM legacy_files");
    }));
    std::vector<Sha256Digest> digests;
    digests.reserve(rows.size());
    for (const auto& row : rows) {
        TRY(const auto digest, Sha256Digest::from_hex(row.text(0)));
        digests.push_back(digest);
    }
    return digests;
}

Result<bool> BlobReferences::is_referenced(const Sha256Digest& digest) const {
    return database_->read<bool>([&](Transaction& t) -> Result<bool> {
        for (const auto* sql : {"SELECT 1 FROM release_files WHERE sha256 = :1 LIMIT 1",
                                "SELECT 1 FROM delta_jobs WHERE delta = :1 LIMIT 1",
                                "SELECT 1 FROM legacy_files WHERE sha256 = :1 LIMIT 1"}) {
            TRY(const auto row, t.query_one(sql, {digest.hex()}));
            if (row) return true;
        }
        return false;
    });
}

}  // namespace strandline::registry
