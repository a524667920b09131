#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/sha256.h"
#include "fleet/deployment.h"
#include "fleet/device.h"
#include "registry/hooks.h"
#include "store/sql/database.h"
#include "trust/authority.h"
#include "trust/report.h"
#include "trust/token.h"

namespace strandline::fleet {

/// Devices whose desired state has a new generation: publish DesiredStore::get() of each.
using ChangedDevices = std::vector<std::string>;

struct EnrolRequest {
    trust::Token token;
    /// The device's id when given, `conflict` when taken; else an id is made.
    std::optional<std::string> name;
    std::map<std::string, std::string> labels;  ///< those of the token win
    std::string arch;
    /// Of the device's public key. The device that joined with this token and key gets another
    /// certificate when it asks again, as after a power cut before it had stored the first.
    std::optional<Sha256Digest> key;
};

/// Issues the certificate for a device id; called inside the enrolment's transaction.
using IssueCertificate = std::function<Result<trust::IssuedCertificate>(const std::string& device)>;

struct Enrolled {
    std::string device;
    trust::IssuedCertificate certificate;
    ChangedDevices changed;
};

struct Deployed {
    Deployment deployment;
    ChangedDevices changed;
};

struct DeployedMany {
    std::vector<Deployment> deployments;
    ChangedDevices changed;
};

struct ReportOutcome {
    bool accepted = false;  ///< false: older than what is known, dropped
    bool behind =
        false;  ///< the device acts upon an older generation than the newest: publish again
    bool came_online = false;
    bool fell_back = false;  ///< dropped, for its boot is lower than one that was seen
};

/// What changes the fleet: each call is one transaction over devices, deployments, desired states,
/// delta jobs and events. Callers publish what the call returns as changed; what gets lost on the
/// way is found by DesiredStore::unpublished(). Thread-safe; every call blocks on the database.
class FleetService {
public:
    FleetService(store::Database& database, const Clock& clock, registry::Signer sign_desired,
                 Random& random = system_random());

    // Devices.
    [[nodiscard]] Result<Enrolled> enrol(const EnrolRequest& request,
                                         const IssueCertificate& issue);
    [[nodiscard]] Result<ChangedDevices> update_device(std::string_view device,
                                                       const DeviceChange& change);
    [[nodiscard]] Result<ChangedDevices> join_cluster(std::string_view cluster,
                                                      std::string_view device);
    [[nodiscard]] Result<ChangedDevices> leave_cluster(std::string_view cluster,
                                                       std::string_view device);
    /// Its certificates go on the revocation list, its running deployments are cancelled. Make a
    /// new CRL and cut its session afterwards.
    [[nodiscard]] Status revoke_device(std::string_view device);
    /// Revokes and forgets it.
    [[nodiscard]] Status remove_device(std::string_view device);

    // Reports.
    /// Guarded by (boot, sequence): an older one is not accepted. Moves deployment rows, asks for
    /// delta jobs from what the device holds now.
    [[nodiscard]] Result<ReportOutcome> apply_report(const trust::Report& report);
    /// Several in one transaction, each with an outcome or its own error (an unknown device, a
    /// report that is too long).
    [[nodiscard]] Result<std::vector<Result<ReportOutcome>>> apply_reports(
        std::span<const trust::Report> reports);

    // Deployments.
    /// A selector that matches no device yet is fine unless it names devices: then each must exist.
    [[nodiscard]] Result<Deployed> deploy(const DeploymentRequest& request);
    /// Returns every device whose slot still follows this deployment to what the slot held before:
    /// one new deployment per former release; a slot that was empty is removed.
    [[nodiscard]] Result<DeployedMany> rollback(std::string_view deployment, std::string_view by);
    /// Devices that are not done return to what the slot held before; those that are done stay.
    /// `conflict` when it is over already, or what the slot held before was deleted.
    [[nodiscard]] Result<Deployed> cancel(std::string_view deployment, std::string_view by);
    /// After a channel was moved: a new deployment for each one that follows it and has another
    /// release. Moves nothing when repeated.
    [[nodiscard]] Result<DeployedMany> on_channel_moved(std::string_view package,
                                                        std::string_view channel,
                                                        std::string_view by);
    /// Empties a slot on the devices that match now.
    [[nodiscard]] Result<ChangedDevices> clear_slot(const Selector& to, std::string_view slot);

    // Others.
    /// `conflict` naming the user while a channel, a device or a standing deployment needs it, or a
    /// device runs it.
    [[nodiscard]] Status remove_release(std::string_view id_or_triple);
    /// Signs up to `limit` desired states after device `after` again with today's key (key
    /// rotation); returns them, empty when done. Generations grow, contents do not change.
    [[nodiscard]] Result<ChangedDevices> sign_again(std::string_view after, std::size_t limit);

    /// From now on every new generation of any device is above `floor`: for a restored database,
    /// whose devices have seen newer generations than it remembers.
    [[nodiscard]] Status raise_generations(std::int64_t floor);

    /// Called for each report that was dropped because its device's boot fell back. Set it before
    /// the first report; may be called from several threads at once.
    std::function<void(const std::string& device)> on_boot_fell_back = [](const std::string&) {};

private:
    store::Database* database_;
    const Clock* clock_;
    registry::Signer sign_;
    Random* random_;
};

}  // namespace strandline::fleet
