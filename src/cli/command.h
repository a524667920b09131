#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strandline::cli {

class Context;

/// Collects what a command accepts. Targets must live as long as the command. Implemented over the
/// command-line library in command_line.cpp, which alone includes it.
class Arguments {
public:
    virtual ~Arguments() = default;
    virtual void positional(std::string name, std::string& value, std::string help,
                            bool required) = 0;
    virtual void option(std::string flags, std::string& value, std::string help) = 0;
    virtual void option(std::string flags, std::optional<std::int64_t>& value,
                        std::string help) = 0;
    virtual void option(std::string flags, std::optional<double>& value, std::string help) = 0;
    virtual void repeated(std::string flags, std::vector<std::string>& values,
                          std::string help) = 0;
    virtual void flag(std::string flags, bool& value, std::string help) = 0;
};

/// One command of the program.
class Command {
public:
    virtual ~Command() = default;
    /// "push", or "token create" for a command of a group.
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual std::string_view summary() const = 0;
    virtual void declare(Arguments& arguments) = 0;
    [[nodiscard]] virtual Status run(Context& context) = 0;
};

using Commands = std::vector<std::unique_ptr<Command>>;

// One family of commands each, in the file of the same name.
void add_login_commands(Commands& commands);    // login_commands.cpp
void add_push_command(Commands& commands);      // push_command.cpp
void add_release_commands(Commands& commands);  // release_commands.cpp
void add_device_commands(Commands& commands);   // device_commands.cpp
void add_cluster_commands(Commands& commands);  // cluster_commands.cpp
void add_token_commands(Commands& commands);    // token_commands.cpp
void add_deploy_commands(Commands& commands);   // deploy_commands.cpp
void add_status_commands(Commands& commands);   // status_commands.cpp
void add_infer_command(Commands& commands);     // infer_command.cpp
void add_delta_commands(Commands& commands);    // delta_commands.cpp
void add_doctor_command(Commands& commands);    // doctor_command.cpp

}  // namespace strandline::cli
