#include <thread>

#include "fleet/audit_log.h"
#include "fleet/operator_token_store.h"
#include "fleet/test_fleet.h"

namespace strandline::fleet {
namespace {

using std::chrono::hours;
using test::code_of;
using test::must;

const std::string ca(64, 'c');

class Logs : public test::FleetTest {
protected:
    AuditLog audit{*database, clock};
    OperatorTokenStore tokens{*database, clock};
};
STRANDLINE_ON_EVERY_DATABASE(Logs);

TEST_P(Logs, AuditIsReadNewestFirst) {
    for (int i = 0; i < 3; ++i) {
        AuditEntry entry;
        entry.actor = "alice";
        entry.action = "deployment.create";
        entry.object = "p-" + std::to_string(i);
        entry.outcome = "ok";
        entry.address = "127.0.0.1";
        must(audit.append(entry));
    }
    const auto page = must(audit.list({2, ""}));
    ASSERT_EQ(page.items.size(), 2U);
    EXPECT_EQ(page.items[0].object, "p-2");
    EXPECT_EQ(page.items[0].time, clock.wall());
    const auto rest = must(audit.list({2, *page.next}));
    ASSERT_EQ(rest.items.size(), 1U);
    EXPECT_EQ(rest.items[0].object, "p-0");
    EXPECT_FALSE(rest.next);
}

TEST_P(Logs, EventsAreReplayedFromACursor) {
    for (int i = 1; i <= 5; ++i) {
        must(event_log.append("test", "{\"n\":" + std::to_string(i) + "}"));
    }
    const auto some = must(event_log.after(2, 2));
    ASSERT_EQ(some.size(), 2U);
    EXPECT_EQ(some[0].cursor, 3);
    EXPECT_EQ(some[0].data, "{\"n\":3}");
    EXPECT_EQ(must(event_log.newest()), 5);
    EXPECT_EQ(must(event_log.trim({2, hours{1}})), 3);
    EXPECT_EQ(must(event_log.after(0, 10)).size(), 2U);
    clock.advance(hours{2});
    EXPECT_EQ(must(event_log.trim({100, hours{1}})), 2);
    EXPECT_EQ(must(event_log.newest()), 5) << "cursors never start again";
    must(event_log.append("test", "{}"));
    EXPECT_EQ(must(event_log.after(5, 10)).at(0).cursor, 6);
}

TEST_P(Logs, EventsOfManyWritersAreNeverSkipped) {
    constexpr int writers = 4;
    constexpr int each = 10;
    std::vector<std::thread> threads;
    threads.reserve(writers);
    for (int w = 0; w < writers; ++w) {
        threads.emplace_back([&] {
            for (int i = 0; i < each; ++i) {
                // PostgreSQL may give up on a busy row; then the event was not written.
                while (!event_log.append("test", "{}")) std::this_thread::yield();
            }
        });
    }
    std::int64_t cursor = 0;
    int seen = 0;
    while (seen < writers * each) {
        for (const auto& event : must(event_log.after(cursor, 100))) {
            EXPECT_EQ(event.cursor, cursor + 1);
            cursor = event.cursor;
            ++seen;
        }
    }
    for (auto& thread : threads) thread.join();
}

TEST_P(Logs, OperatorTokensOpenOnlyWithTheirSecret) {
    const auto made = must(tokens.create({"alice", Role::operator_, hours{1}}, ca));
    EXPECT_EQ(must(tokens.authenticate(made.text)).name, "alice");
    EXPECT_EQ(must(tokens.authenticate(made.text)).role, Role::operator_);
    auto wrong = must(trust::Token::parse(made.text, trust::operator_token_kind));
    wrong.secret = make_secret();
    EXPECT_EQ(code_of(tokens.authenticate(wrong.text())), Errc::unauthenticated);
    EXPECT_EQ(code_of(tokens.authenticate("nonsense")), Errc::unauthenticated);
    clock.advance(hours{1});
    EXPECT_EQ(code_of(tokens.authenticate(made.text)), Errc::unauthenticated);
    EXPECT_EQ(code_of(tokens.create({"a b", Role::viewer, {}}, ca)), Errc::invalid);
    const auto row = must(database->read<std::optional<store::Row>>([](store::Transaction& t) {
        return t.query_one("SELECT secret_hash FROM operator_tokens");
    }));
    EXPECT_EQ(made.text.find(row->text(0)), std::string::npos) << "only the hash is stored";
}

TEST_P(Logs, TheLastAdminTokenCannotBeRemoved) {
    const auto first = must(tokens.create({"root", Role::admin, {}}, ca));
    const auto brief = must(tokens.create({"temp", Role::admin, hours{1}}, ca));
    EXPECT_EQ(code_of(tokens.remove(first.token.id)), Errc::conflict);
    must(tokens.remove(brief.token.id));
    must(tokens.create({"second", Role::admin, {}}, ca));
    must(tokens.remove(first.token.id));
    EXPECT_EQ(code_of(tokens.remove(first.token.id)), Errc::not_found);
    EXPECT_EQ(must(tokens.count()), 1);
    EXPECT_EQ(must(tokens.list({})).items.at(0).name, "second");
}

TEST(Role, HasANameThatReadsBack) {
    for (const auto role : {Role::viewer, Role::operator_, Role::admin}) {
        EXPECT_EQ(must(role_from(to_string(role))), role);
    }
    EXPECT_EQ(code_of(role_from("root")), Errc::invalid);
    EXPECT_LT(Role::viewer, Role::operator_);
}

}  // namespace
}  // namespace strandline::fleet
