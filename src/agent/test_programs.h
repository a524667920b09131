#pragma once

#include <string>

#include "agent/test_world.h"

// For tests only: an agent that runs shell scripts as the programs of its bundles.
namespace strandline::agent {

/// A program of a bundle, or a stand-in for the self-test child.
inline std::string script(const std::string& body) { return "#!/bin/sh\n" + body + "\n"; }

class Programs : public World {
protected:
    Programs() {
        options.run_models = true;
        options.config.self_test.process_settle = std::chrono::milliseconds{50};
    }

    /// A release of kind process that runs this shell script.
    trust::Manifest program(const std::string& version, const std::string& body) {
        auto out = manifest(version, script(body));
        out.kind = trust::RuntimeKind::process;
        out.entry = "run.sh";
        out.files[0].path = "run.sh";
        out.files[0].executable = true;
        return out;
    }
    static trust::DesiredSlot soaked(trust::DesiredSlot order, std::chrono::milliseconds duration) {
        order.soak.duration = duration;
        return order;
    }
};

}  // namespace strandline::agent
