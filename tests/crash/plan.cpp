#include "crash/plan.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <map>

namespace strandline::crash {
namespace {

const std::map<std::string, Action> actions{
    {"none", Action::none},       {"before", Action::stop_before}, {"after", Action::stop_after},
    {"cut", Action::cut_power},   {"cut-data", Action::cut_data},  {"fail", Action::fail_call},
    {"short", Action::short_call}};

const std::map<std::string, int> errors{{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EROFS", EROFS}};

Status check(const Plan& plan) {
    if ((plan.action == Action::none) != plan.at.empty())
        return fail(Errc::invalid, "--do and --at belong together");
    if ((plan.action == Action::fail_call) != (plan.error != 0))
        return fail(Errc::invalid, "--error goes with --do fail, and only with it");
    return {};
}

}  // namespace

Result<std::optional<Plan>> parse_plan(int argc, char** argv) {
    Plan plan;
    std::string root;
    std::string trace;
    CLI::App app{
        "Runs a program, counts every system call of it that changes a folder, and at a chosen one "
        "stops the program, cuts its power or lets the call fail.\n"
        "Exit code: the program's; 99 when it was stopped at the chosen call; 98 for trouble of "
        "this tool.",
        "crashpoint"};
    app.add_option("--root", root, "The folder")->required()->check(CLI::ExistingDirectory);
    app.add_option("--trace", trace, "File for one line per call: LABEL#K");
    app.add_option("--do", plan.action, "before | after | cut | cut-data | fail | short")
        ->transform(CLI::CheckedTransformer(actions));
    app.add_option("--at", plan.at, "LABEL#K of a trace, or the number of a call");
    app.add_option("--error", plan.error, "ENOSPC | EIO | EROFS")
        ->transform(CLI::CheckedTransformer(errors));
    app.add_flag("--lasting", plan.lasting, "The failure stays");
    app.add_flag("--children", plan.children, "Child processes count too");
    app.add_flag("--reads", plan.reads, "Reads count too");
    app.add_option("command", plan.command, "The program and its arguments, after --")->required();
    app.positionals_at_end();
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::cout << app.help();
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        return fail(Errc::invalid, error.what());
    }
    std::error_code error;
    plan.root = std::filesystem::canonical(root, error);
    plan.trace = trace;
    TRY(check(plan));
    return plan;
}

}  // namespace strandline::crash
