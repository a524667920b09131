#include <fmt/core.h>
#include <map>
#include <set>

#include "cli/command_line.h"

namespace strandline::cli {
namespace {

// Collects names only: enough for a completion script.
class Collector final : public Arguments {
public:
    void positional(std::string, std::string&, std::string, bool) override {}
    void option(std::string flags, std::string&, std::string) override { keep(flags); }
    void option(std::string flags, std::optional<std::int64_t>&, std::string) override {
        keep(flags);
    }
    void option(std::string flags, std::optional<double>&, std::string) override { keep(flags); }
    void repeated(std::string flags, std::vector<std::string>&, std::string) override {
        keep(flags);
    }
    void flag(std::string flags, bool&, std::string) override { keep(flags); }

    [[nodiscard]] const std::string& words() const { return words_; }

private:
    void keep(const std::string& flags) {
        const auto dashes = flags.find("--");
        if (dashes == std::string::npos) return;
        words_ +=
            (words_.empty() ? "" : " ") + flags.substr(dashes, flags.find(',', dashes) - dashes);
    }
    std::string words_;
};

struct Vocabulary {
    std::string top;
    std::map<std::string, std::string> by_prefix;  ///< "token" or "token create" -> next words
};

Vocabulary vocabulary(const Commands& commands) {
    Vocabulary words;
    std::set<std::string> top;
    for (const auto& command : commands) {
        const std::string name(command->name());
        const auto space = name.find(' ');
        top.insert(name.substr(0, space));
        if (space != std::string::npos)
            words.by_prefix[name.substr(0, space)] += name.substr(space + 1) + " ";
        Collector collector;
        command->declare(collector);
        words.by_prefix[name] += collector.words() + " --output --help";
    }
    for (const auto& word : top) words.top += word + " ";
    return words;
}

std::string bash_script(const Vocabulary& words) {
    std::string cases;
    for (const auto& [prefix, next] : words.by_prefix) {
        cases += fmt::format("        \"{}\") words=\"{}\" ;;\n", prefix, next);
    }
    return fmt::format(
        "_strandline() {{\n"
        "    local current=\"${{COMP_WORDS[COMP_CWORD]}}\" path=\"\" word words=\"\"\n"
        "    for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
        "        case \"$word\" in -*) break ;; esac\n"
        "        [ -z \"$path\" ] && path=\"$word\" || {{ path=\"$path $word\"; break; }}\n"
        "    done\n"
        "    case \"$path\" in\n"
        "        \"\") words=\"{}\" ;;\n{}"
        "        *) case \"${{path%% *}}\" in\n{}        esac ;;\n"
        "    esac\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "    [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
        "}}\n"
        "complete -o filenames -F _strandline strandline\n",
        words.top, cases, cases);
}

std::string fish_script(const Vocabulary& words) {
    std::string out =
        fmt::format("complete -c strandline -n __fish_use_subcommand -f -a '{}'\n", words.top);
    for (const auto& [prefix, next] : words.by_prefix) {
        const auto space = prefix.find(' ');
        out += fmt::format("complete -c strandline -n '__fish_seen_subcommand_from {}' -a '{}'\n",
                           prefix.substr(space == std::string::npos ? 0 : space + 1), next);
    }
    return out;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell, const Commands& commands) {
    const Vocabulary words = vocabulary(commands);
    if (shell == "bash") return bash_script(words);
    // zsh runs bash completion functions through its own compatibility layer.
    if (shell == "zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(words);
    if (shell == "fish") return fish_script(words);
    return fail(Errc::invalid, fmt::format("shell \"{}\": use bash, zsh or fish", shell));
}

}  // namespace strandline::cli
