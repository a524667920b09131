#include "hub/api/events_api.h"

#include <charconv>

#include "hub/api/api_json.h"
#include "hub/api/event_feed.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Request;
using net::Response;

Result<std::int64_t> cursor_of(const Request& request) {
    auto text = request.headers.find("Last-Event-ID");
    if (!text) text = request.query_value("since");
    if (!text || text->empty()) return -1;
    std::int64_t cursor = 0;
    const auto* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, cursor);
    if (error != std::errc{} || rest != end || cursor < 0) {
        return fail(Errc::invalid, "since: must be the cursor of an event");
    }
    return cursor;
}

json::value event_value(const fleet::Event& event) {
    const auto data = parse_json(event.data, "event");
    return json::object{{"id", event.cursor},
                        {"time", time_value(event.time)},
                        {"type", event.type},
                        {"data", data ? *data : json::value(nullptr)}};
}

Result<Response> list(const fleet::EventLog& log, std::int64_t cursor,
                      const registry::PageRequest& page) {
    if (!page.cursor.empty()) {
        return fail(Errc::invalid,
                    "cursor: events are paged with since, the id of the last one read");
    }
    TRY(const auto events, log.after(std::max<std::int64_t>(cursor, 0), page.limit));
    json::array items;
    for (const auto& event : events) items.emplace_back(event_value(event));
    std::optional<std::string> next;
    if (events.size() == page.limit) next = std::to_string(events.back().cursor);
    return list_answer(std::move(items), next);
}

// `authenticator` outlives the server.
EventFeed::Reader reader_of(const Authenticator& authenticator, const Request& request,
                            const Caller& caller) {
    return {.name = caller.name,
            .check = [&authenticator, credentials = Credentials::of(request)]() -> Status {
                TRY(authenticator.authorize(credentials, Access::viewer));
                return {};
            }};
}

net::Task<Response> events(Services& services, Request& request, EventFeed::Reader reader) {
    CO_TRY(auto cursor, cursor_of(request));
    CO_TRY(const auto page, page_of(request));
    const auto* log = &services.domain.events;
    const bool stream = request.headers.find("Accept").value_or("").find("text/event-stream") !=
                        std::string_view::npos;
    if (!stream) {
        std::function<Result<Response>()> read = [log, cursor, page] {
            return list(*log, cursor, page);
        };
        co_return co_await services.runtime.offload<Response>(std::move(read));
    }
    if (cursor < 0) {  // no replay asked for: from now on
        std::function<Result<std::int64_t>()> newest = [log] { return log->newest(); };
        CO_TRY(cursor, co_await services.runtime.offload<std::int64_t>(std::move(newest)));
    }
    co_return services.feed.open(cursor, std::move(reader));
}

json::object audit_value(const fleet::AuditEntry& entry) {
    return {{"id", entry.id},          {"time", time_value(entry.time)}, {"actor", entry.actor},
            {"action", entry.action},  {"object", entry.object},         {"outcome", entry.outcome},
            {"address", entry.address}};
}

}  // namespace

void add_event_routes(Routes& routes, Services& services) {
    routes.add_stream(
        {.pattern = "/v1/events"}, [&services, authenticator = &routes.authenticator()](
                                       Request& request, const std::shared_ptr<Caller>& caller) {
            return events(services, request, reader_of(*authenticator, request, *caller));
        });
    routes.add({.pattern = "/v1/audit", .access = Access::admin},
               list_handler(services.domain.audit, audit_value));
}

}  // namespace strandline::hub
