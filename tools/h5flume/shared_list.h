#pragma once

#include "tools/h5flume/shared_arguments.h"

namespace h5flume::cli {

// What lies in a folder of shared dicts: the runs of `h5flume shared list`, `status`, `clean` and
// `unlink`.

void list_shared(const SharedArguments& arguments, Context& context);
void show_shared_status(const SharedArguments& arguments, Context& context);
void clean_shared(const SharedArguments& arguments, Context& context);
void unlink_shared(const SharedArguments& arguments, Context& context);

}  // namespace h5flume::cli
