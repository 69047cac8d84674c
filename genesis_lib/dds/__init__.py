"""DDS: the port, its adapters, and what they share. The only code that knows a DDS product."""
