#include "readers/worker/worker_program.h"

int main(int argc, char** argv) { return h5flume::worker_program(argc, argv); }
