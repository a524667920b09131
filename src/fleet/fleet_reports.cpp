#include <array>

#include "base/log.h"
#include "fleet/deployment_rows.h"
#include "fleet/desired_rows.h"
#include "fleet/event_log.h"
#include "fleet/fleet_service.h"
#include "fleet/fleet_work.h"
#include "fleet/report_rows.h"
#include "registry/columns_json.h"

namespace strandline::fleet {
namespace {

using registry::event_json;
using store::Transaction;

std::int64_t grown(std::uint64_t from, std::uint64_t to) {
    return static_cast<std::int64_t>(to) - static_cast<std::int64_t>(from);
}

Status store_row(FleetWork& work, const OpenRow& open, DeploymentRow next) {
    const auto& before = open.row;
    const auto& deployment = open.target.deployment;
    next.updated = work.now;
    TRY(update_row(work.transaction, deployment, next));
    work.totals.add_bytes(deployment, grown(before.bytes_full, next.bytes_full),
                          grown(before.bytes_received, next.bytes_received));
    if (before.state != next.state) {
        work.totals.leave(deployment, before.state);
        work.totals.enter(deployment, next.state);
    }
    if (before.state == next.state && before.stage == next.stage) return {};
    return EventLog::append(work.transaction, "deployment.device",
                            event_json({{"deployment", deployment},
                                        {"device", next.device},
                                        {"state", std::string(to_string(next.state))},
                                        {"stage", next.stage},
                                        {"reason", next.reason}}),
                            work.now);
}

Status move_rows(FleetWork& work, const trust::Report& report, bool files_changed) {
    TRY(const auto rows, current_rows(work.transaction, report.device));
    for (const auto& open : rows) {
        auto next = advance_row(open.row, open.target, report);
        if (next != open.row) TRY(store_row(work, open, std::move(next)));
        if (files_changed) {
            TRY(want_deltas(work, open.release, open.target.slot, only(report.device)));
        }
    }
    return {};
}

Status tell(FleetWork& work, const trust::Report& report, const ReportNews& news) {
    if (news.came_online) {
        TRY(EventLog::append(work.transaction, "device.online",
                             event_json({{"device", report.device}}), work.now));
    }
    if (!news.status_changed) return {};
    return EventLog::append(
        work.transaction, "device.reported",
        event_json({{"device", report.device}, {"generation", report.generation}}), work.now);
}

Status use_news(FleetWork& work, const trust::Report& report, const ReportNews& news) {
    TRY(move_rows(work, report, news.files_changed));
    return tell(work, report, news);
}

// A device ahead of us: our database is an older copy of the one that ordered it about. It refuses
// what is not newer than what it saw, so we go on above that.
Result<bool> overtake(FleetWork& work, const trust::Report& report, const ReportNews& news) {
    constexpr std::int64_t believable = std::int64_t{1} << 52;
    if (report.generation <= news.generation || report.generation > believable) return false;
    TRY(const bool raised, overtake_generation(work.transaction, report.device, report.generation));
    if (!raised) return false;
    log_warn("device is ahead of the database device={} seen={} known={}", report.device,
             report.generation, news.generation);
    const std::array devices{report.device};
    TRY(refresh_desired(work.transaction, devices, work.sign, work.now, Refresh::all));
    return true;
}

// The outer error is the database's and ends the whole batch, the inner one is the report's own.
Result<Result<ReportOutcome>> apply(FleetWork& work, const trust::Report& report) {
    const auto news = save_report(work.transaction, report, work.now);
    if (!news) {
        const auto code = news.error().code;
        const bool own =
            code == Errc::not_found || code == Errc::unauthenticated || code == Errc::invalid;
        if (own) return Result<ReportOutcome>(news.error());
        return news.error();
    }
    bool behind = report.generation < news->generation;
    if (news->accepted) {
        TRY(use_news(work, report, *news));
        TRY(const bool overtaken, overtake(work, report, *news));
        behind = behind || overtaken;
    }
    return Result<ReportOutcome>(
        ReportOutcome{news->accepted, behind, news->came_online, news->fell_back});
}

}  // namespace

Result<ReportOutcome> FleetService::apply_report(const trust::Report& report) {
    TRY(auto outcomes, apply_reports(std::span(&report, 1)));
    return std::move(outcomes.front());
}

Result<std::vector<Result<ReportOutcome>>> FleetService::apply_reports(
    std::span<const trust::Report> reports) {
    using Outcomes = std::vector<Result<ReportOutcome>>;
    TRY(auto outcomes, database_->write<Outcomes>([&](Transaction& t) -> Result<Outcomes> {
        FleetWork work{t, clock_->wall(), sign_};
        Outcomes all;
        all.reserve(reports.size());
        for (const auto& report : reports) {
            TRY(auto outcome, apply(work, report));
            all.push_back(std::move(outcome));
        }
        TRY(work.finish());
        return all;
    }));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i] && outcomes[i]->fell_back) on_boot_fell_back(reports[i].device);
    }
    return outcomes;
}

}  // namespace strandline::fleet
