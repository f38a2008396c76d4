#pragma once

/// Everything of h5flume in one include.

#include "core/array_view.h"
#include "core/element_type.h"
#include "core/error.h"
#include "core/list_view.h"
#include "core/resolved_selection.h"
#include "core/selection.h"
#include "core/selection_text.h"
#include "readers/stream/streamer.h"
#include "readers/worker/inspector.h"
#include "readers/worker/isolated_dataset.h"
#include "readers/worker/mapped_rows.h"
