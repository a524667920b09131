#include "delta/encode/segment_pipeline.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "delta/encode/progress.h"
#include "delta/format/crc32c.h"
#include "delta/format/record_survey.h"

namespace strandline::delta {
namespace {

std::uint64_t count_of(const SegmentJob& job) {
    return (job.new_file.size() + job.segment_bytes - 1) / job.segment_bytes;
}

SegmentPlan plan_of(const SegmentJob& job, SegmentScout& scout, std::uint64_t index) {
    const std::uint64_t begin = index * job.segment_bytes;
    return scout.next(begin,
                      std::min<std::uint64_t>(begin + job.segment_bytes, job.new_file.size()));
}

Result<EncodedSegment> encode_one(const SegmentJob& job, SegmentEncoder& encoder,
                                  const SegmentPlan& plan) {
    TRY(auto records, encoder.encode(plan));
    const auto output = job.new_file.subspan(plan.begin, plan.end - plan.begin);
    EncodedSegment segment{plan.end, std::move(records), {}, crc32c(output)};
    TRY(RecordSurvey(plan.begin, plan.end, segment.breakdown)
            .run(MemoryReader(segment.records), {0, segment.records.size()}));
    return segment;
}

Result<SegmentTotals> encode_alone(const SegmentJob& job,
                                   const std::function<Status(EncodedSegment)>& take) {
    SegmentScout scout(job.old_file, job.new_file, job.plan->spans, job.access);
    std::uint64_t coded = 0;
    std::uint64_t end = 0;
    const auto report = [&](std::uint64_t bytes) {
        coded = std::min(coded + bytes, end);
        return !job.report || job.report(coded);
    };
    KindHabits habits(job.plan->kinds.size());
    SegmentEncoder encoder(job.old_file, job.new_file, job.limits, report, *job.plan, habits);
    SegmentTotals totals;
    for (std::uint64_t i = 0; i < count_of(job); ++i) {
        coded = end;
        if (!report(0)) return was_cancelled();
        end = std::min<std::uint64_t>((i + 1) * job.segment_bytes, job.new_file.size());
        TRY(auto segment, encode_one(job, encoder, plan_of(job, scout, i)));
        totals.breakdown.add(segment.breakdown);
        TRY(take(std::move(segment)));
    }
    totals.blocks.add(encoder.block_totals());
    return totals;
}

// Threads that each take the next segment, and a ring in which what they made waits for its turn.
// Lock order: scouting_, mutex_.
class Crew {
public:
    explicit Crew(const SegmentJob& job)
        : job_(&job),
          count_(count_of(job)),
          scout_(job.old_file, job.new_file, job.plan->spans, job.access),
          ring_(std::size_t{2} * job.threads),
          habits_(job.plan->kinds.size()) {
        try {
            for (unsigned i = 0; i < job.threads; ++i) threads_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
            if (threads_.empty()) throw;  // with fewer it takes longer
        }
    }
    ~Crew() { stop(); }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    // The segments in order; `cancelled` when the caller wants no more.
    Result<EncodedSegment> next() {
        constexpr std::chrono::milliseconds patience(50);  // between two looks at the cancel flag
        std::unique_lock lock(mutex_);
        auto& place = ring_[taken_ % ring_.size()];
        do {
            lock.unlock();
            const bool enough = job_->report && !job_->report(coded_);
            lock.lock();
            if (enough) return was_cancelled();
            done_.wait_for(lock, patience, [&] { return place.has_value() || failure_; });
            if (failure_) return *failure_;
        } while (!place);
        auto segment = std::move(*place);
        place.reset();
        if (segment) totals_.breakdown.add(segment->breakdown);
        ++taken_;
        room_.notify_all();
        return segment;
    }

    SegmentTotals finish() {
        stop();
        return totals_;
    }

private:
    // What a thread throws would end the process.
    void work() {
        try {
            take_tasks();
        } catch (const std::exception& error) {
            const std::lock_guard lock(mutex_);
            if (!failure_) failure_ = went_wrong(error);
            done_.notify_one();
        }
    }

    void take_tasks() {
        const auto report = [this](std::uint64_t bytes) {
            coded_ += bytes;
            return !stopped_;
        };
        SegmentEncoder encoder(job_->old_file, job_->new_file, job_->limits, report, *job_->plan,
                               habits_);
        while (const auto task = take_task()) {
            auto segment = encode_one(*job_, encoder, task->plan);
            const std::lock_guard lock(mutex_);
            ring_[task->index % ring_.size()] = std::move(segment);
            done_.notify_one();
        }
        const std::lock_guard lock(mutex_);
        totals_.blocks.add(encoder.block_totals());
    }

    struct Task {
        std::uint64_t index = 0;
        SegmentPlan plan;
    };
    std::optional<Task> take_task() {
        const std::lock_guard scouting(scouting_);
        {
            std::unique_lock lock(mutex_);
            room_.wait(lock, [&] {
                return stopped_ || scouted_ == count_ || scouted_ < taken_ + ring_.size();
            });
            if (stopped_ || scouted_ == count_) return std::nullopt;
        }
        const std::uint64_t index = scouted_;
        Task task{index, plan_of(*job_, scout_, index)};
        ++scouted_;
        return task;
    }

    void stop() {
        {
            const std::lock_guard lock(mutex_);
            stopped_ = true;
        }
        room_.notify_all();
        threads_.clear();
    }

    const SegmentJob* job_;
    std::uint64_t count_;
    std::mutex scouting_;  // the scout, scouted_
    SegmentScout scout_;
    std::uint64_t scouted_ = 0;  // segments given to threads
    std::mutex mutex_;           // what follows
    std::condition_variable room_;
    std::condition_variable done_;
    std::uint64_t taken_ = 0;  // segments handed out
    std::vector<std::optional<Result<EncodedSegment>>> ring_;
    std::optional<Error> failure_;
    SegmentTotals totals_;
    std::atomic<bool> stopped_ = false;
    std::atomic<std::uint64_t> coded_ = 0;
    KindHabits habits_;
    std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace

Result<SegmentTotals> encode_segments(const SegmentJob& job,
                                      const std::function<Status(EncodedSegment)>& take) {
    if (job.threads <= 1 || count_of(job) <= 1) return encode_alone(job, take);
    Crew crew(job);
    for (std::uint64_t i = 0; i < count_of(job); ++i) {
        TRY(auto segment, crew.next());
        TRY(take(std::move(segment)));
    }
    return crew.finish();
}

}  // namespace strandline::delta
