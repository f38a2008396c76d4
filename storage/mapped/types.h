#pragma once

/// Every type of field there is: the codecs in one include.

#include "storage/mapped/any.h"
#include "storage/mapped/codec.h"
#include "storage/mapped/date_time.h"
#include "storage/mapped/decimal.h"
#include "storage/mapped/dict_view.h"
#include "storage/mapped/fields.h"
#include "storage/mapped/list_view.h"
#include "storage/mapped/long_text.h"
#include "storage/mapped/nd_array.h"
#include "storage/mapped/optional_element.h"
#include "storage/mapped/reference.h"
#include "storage/mapped/set_view.h"
#include "storage/mapped/settable.h"
#include "storage/mapped/view.h"
