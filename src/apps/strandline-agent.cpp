#include <string>
#include <vector>

#include "agent/command_line.h"

int main(int argc, char** argv) {
    return strandline::agent::agent_main(std::vector<std::string>(argv + 1, argv + argc));
}
