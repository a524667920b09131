#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/desired_keeper.h"
#include "agent/slot.h"
#include "agent/tasks.h"
#include "agent/update_context.h"

namespace strandline::agent {

/// Brings every slot to its desired state: level-triggered, so a lost message costs nothing. One
/// coroutine per slot; only one slot at a time fetches and switches. Belongs to the I/O thread.
class Updater {
public:
    /// All borrowed. `self` is our device id.
    Updater(UpdateServices services, DesiredKeeper& desired, Tasks& tasks, std::string self);
    ~Updater();

    /// Finds out what every slot on disk holds, heals what a crash or the disk broke, and loads the
    /// active releases. Call once, before reconcile().
    [[nodiscard]] boost::asio::awaitable<void> start();

    /// Acts on a change of the desired state. `news` is true when it is one that the fleet got at
    /// the same moment, so its work is spread over the window of the order, or else over the
    /// fleet's.
    void reconcile(bool news, std::chrono::milliseconds fleet_spread = {});

    [[nodiscard]] std::vector<trust::ReportedSlot> report() const;
    /// Releases that any slot needs.
    [[nodiscard]] std::set<Sha256Digest> needed_releases() const;
    /// Blobs of orders that are being fetched, or refused for what may heal; none when an order is
    /// yet to be planned.
    [[nodiscard]] std::optional<std::set<Sha256Digest>> needed_blobs() const;
    /// What the end of the program cuts off, it cuts on purpose: that is not to count as a crash.
    void give_back_counts();
    /// Ends every running release.
    [[nodiscard]] boost::asio::awaitable<void> stop_serving();

private:
    struct Worker;
    /// False when the slot's files could not be read.
    [[nodiscard]] boost::asio::awaitable<bool> recover_slot(std::string name);
    [[nodiscard]] boost::asio::awaitable<void> work(Worker& worker);
    /// An order that is not the one wanted, and is to be ended before that one: a roll-back or a
    /// final note that was begun, or the soak that a newer order cut before it was refused.
    [[nodiscard]] std::optional<trust::DesiredSlot> unfinished(const Worker& worker) const;
    /// What is to be carried out now.
    [[nodiscard]] std::optional<trust::DesiredSlot> due_order(const Worker& worker) const;
    /// When there may be something to do, if nothing wakes the worker before.
    [[nodiscard]] Deadline next_look(const Worker& worker) const;
    [[nodiscard]] boost::asio::awaitable<void> carry_out(Worker& worker, trust::DesiredSlot order);
    [[nodiscard]] boost::asio::awaitable<void> remove(Worker& worker);
    /// Loads what is active but does not run once more, when that is due. True when it tried.
    [[nodiscard]] boost::asio::awaitable<bool> keep_serving(Worker& worker);
    /// Soon: it waits for the turn, and its slot may have more urgent things to do.
    void request_clean_up();
    [[nodiscard]] boost::asio::awaitable<void> clean_up();
    /// Looks after what runs and what lies on disk, until the agent ends.
    [[nodiscard]] boost::asio::awaitable<void> watch();
    void look_after(Worker& worker, bool probe, bool verify);
    [[nodiscard]] boost::asio::awaitable<void> probe_slot(Worker& worker);
    [[nodiscard]] boost::asio::awaitable<void> verify_slot(Worker& worker);
    [[nodiscard]] Deadline next_watch(std::chrono::seconds interval);
    [[nodiscard]] std::optional<OrderId> wanted_by(const Worker& worker) const;
    [[nodiscard]] bool is_settled(const Worker& worker, const OrderId& order) const;
    [[nodiscard]] bool anyone_fetches() const;
    [[nodiscard]] bool anyone_heals() const;
    void plan_second_look(Worker& worker, const OrderId& order);
    Worker& add(std::string name);

    UpdateServices services_;
    DesiredKeeper* desired_;
    Tasks* tasks_;
    std::string self_;
    Turn turn_;
    bool cleaning_ = false;  ///< a clean-up waits for its turn
    net::Signal watch_end_;
    std::map<std::string, std::unique_ptr<Worker>> workers_;
};

/// Where in a window this device starts: the same for the same device and generation, even over
/// the fleet.
[[nodiscard]] std::chrono::milliseconds spread_delay(std::string_view device,
                                                     std::int64_t generation,
                                                     std::chrono::milliseconds window);

}  // namespace strandline::agent
