#include "hub/command_line.h"

int main(int argc, char** argv) { return strandline::hub::run_program(argc, argv); }
