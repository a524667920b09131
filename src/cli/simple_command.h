#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/context.h"

namespace strandline::cli {

/// What the options of a small command may fill in.
struct SimpleOptions {
    std::string first;
    std::string second;
    std::string filter;
    std::vector<std::string> labels;
    std::optional<std::int64_t> number;
    bool flag = false;
};

/// A command that is a declaration and one function, for those that are little more than one call
/// of the REST API.
class SimpleCommand final : public Command {
public:
    using Declare = std::function<void(Arguments&, SimpleOptions&)>;
    using Run = std::function<Status(Context&, const SimpleOptions&)>;

    SimpleCommand(std::string name, std::string summary, Declare declare, Run run)
        : name_(std::move(name)),
          summary_(std::move(summary)),
          declare_(std::move(declare)),
          run_(std::move(run)) {}

    [[nodiscard]] std::string_view name() const override { return name_; }
    [[nodiscard]] std::string_view summary() const override { return summary_; }
    void declare(Arguments& arguments) override { declare_(arguments, options_); }
    [[nodiscard]] Status run(Context& context) override { return run_(context, options_); }

private:
    std::string name_;
    std::string summary_;
    Declare declare_;
    Run run_;
    SimpleOptions options_;
};

/// Declares nothing.
inline void no_arguments(Arguments& /*arguments*/, SimpleOptions& /*options*/) {}

/// One required positional, into `first`.
[[nodiscard]] inline SimpleCommand::Declare one_argument(std::string name, std::string help) {
    return [name = std::move(name), help = std::move(help)](Arguments& arguments,
                                                            SimpleOptions& options) {
        arguments.positional(name, options.first, help, true);
    };
}

/// Prints a list as JSON, or as a table of `row` under `heading`; `none` when it is empty.
inline void show_list(const Context& context, const std::vector<Document>& items,
                      std::vector<std::string> heading,
                      const std::function<std::vector<std::string>(const Document&)>& row,
                      std::string_view none) {
    if (context.json()) {
        context.print(json_list(items));
        return;
    }
    if (items.empty()) {
        context.print(none);
        return;
    }
    std::vector<std::vector<std::string>> rows{std::move(heading)};
    for (const auto& item : items) rows.push_back(row(item));
    context.print(format_table(rows));
}

}  // namespace strandline::cli
