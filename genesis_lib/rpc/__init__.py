"""RPC over DDS: requester, replier, pool, guards."""
