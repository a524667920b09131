#include <vector>

#include "store/sql/database.h"

namespace strandline::store {

std::span<const Migration> hub_migrations() {
    static const std::vector<Migration> migrations{
#include "store/sql/migrations.inc"
    };
    return migrations;
}

}  // namespace strandline::store
