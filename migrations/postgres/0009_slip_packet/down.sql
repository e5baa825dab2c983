DROP TABLE slip_packet;
