// Boost.Asio, with its memory from operator new and not from aligned_alloc, so that pcserve's reserve is there for it.
#pragma once

#define BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC
#define BOOST_ASIO_DISABLE_BOOST_ALIGN
#include <boost/asio.hpp>
